/** Finds a Python that has PyTorch. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const PYTORCH_SCRIPT = fileURLToPath(new URL('engines/pytorch.py', import.meta.url));

/** The system's before the path's, which version managers put others in. */
const SYSTEM_FIRST = ['/usr/bin/python3', 'python3'];

/**
 * @param {string} [script] is asked, with `--describe`, what it runs on, in JSON
 * @param {readonly string[]} [candidates] tried in order, unless $PYTHON is set
 * @returns {{ program: string, description: object } | { error: string }}
 */
export function findPytorch(script = PYTORCH_SCRIPT, candidates = SYSTEM_FIRST) {
  const errors = [];
  for (const program of process.env.PYTHON ? [process.env.PYTHON] : candidates) {
    const { status, stdout, stderr, error } = spawnSync(program, [script, '--describe'], {
      encoding: 'utf8',
    });
    if (status === 0) return { program, description: JSON.parse(stdout) };
    errors.push(error?.message ?? stderr.trim().split('\n').at(-1));
  }
  return { error: [...new Set(errors)].join('; ') };
}
