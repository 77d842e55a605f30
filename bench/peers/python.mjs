/** Finds a Python that has PyTorch. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const PYTORCH_SCRIPT = fileURLToPath(new URL('engines/pytorch.py', import.meta.url));

/** $PYTHON where it is set; the system's before the path's, which version managers put others in. */
const CANDIDATES = process.env.PYTHON ? [process.env.PYTHON] : ['/usr/bin/python3', 'python3'];

/** @returns {{ program: string, description: object } | { error: string }} */
export function findPytorch() {
  const errors = [];
  for (const program of CANDIDATES) {
    const { status, stdout, stderr, error } = spawnSync(program, [PYTORCH_SCRIPT, '--describe'], {
      encoding: 'utf8',
    });
    if (status === 0) return { program, description: JSON.parse(stdout) };
    errors.push(error?.message ?? stderr.trim().split('\n').at(-1));
  }
  return { error: [...new Set(errors)].join('; ') };
}
