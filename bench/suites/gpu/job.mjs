/** Runs one job of the GPU suite in its own subprocess. */

import { fileURLToPath } from 'node:url';
import { Subprocess, startEngine } from '../../harness/subprocess.mjs';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/**
 * @param {Pick<import('./workloads.mjs').Job, 'engine' | 'task' | 'limitSeconds'>} job
 * @param {{ program?: string, error?: string }} pytorch result of `findPytorch`
 * @returns {Promise<object>} the figures, or `error`, with `isAbsent` if the engine is not installed
 */
export async function runJob({ engine, task, limitSeconds }, pytorch) {
  if (engine === 'pytorch' && pytorch.error !== undefined) {
    return { error: pytorch.error, isAbsent: true };
  }
  let subprocess;
  try {
    if (engine === 'bench') {
      subprocess = new Subprocess([process.execPath, CLI, 'bench', ...task.args]);
      return await subprocess.answer(limitSeconds);
    }
    subprocess = startEngine(engine, pytorch);
    return await subprocess.ask({ command: 'measure', task }, limitSeconds);
  } catch ({ message }) {
    return { error: message };
  } finally {
    subprocess?.close();
  }
}
