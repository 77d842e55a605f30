/** Finds a Python with PyTorch. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const PYTORCH_SCRIPT = fileURLToPath(new URL('../engines/pytorch.py', import.meta.url));

/**
 * @param {readonly string[]} programs tried in order, unless $PYTHON is set
 * @returns {{ program: string, description: object } | { error: string }}
 */
export function findPytorch(programs) {
  const errors = [];
  for (const program of process.env.PYTHON ? [process.env.PYTHON] : programs) {
    const { status, stdout, stderr, error } = spawnSync(program, [PYTORCH_SCRIPT, '--describe'], {
      encoding: 'utf8',
    });
    if (status === 0) return { program, description: JSON.parse(stdout) };
    errors.push(error?.message ?? stderr.trim().split('\n').at(-1));
  }
  return { error: [...new Set(errors)].join('; ') };
}
