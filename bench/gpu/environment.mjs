import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { PYTORCH_SCRIPT } from './child.mjs';

/** $PYTHON where it is set; the path's, or the system's, which may have another PyTorch. */
const CANDIDATES = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3'];

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

/** What the numbers were measured on, and with which versions. */
export async function describeEnvironment({ adapter, pytorch, digits }, results) {
  const { version } = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const tensorflow = results.find(({ engine, build }) => engine === 'tensorflow' && build);
  return {
    date: new Date().toISOString().slice(0, 10),
    adapter: adapter.build ?? 'no GPU',
    notes: adapter.notes ?? [adapter.error],
    driver: nvidiaDriver(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.versions.node,
    handgrad: version,
    dawn: dawnVersion(),
    tensorflow: tensorflow?.build ?? null,
    pytorch: pytorch.description ?? { error: pytorch.error },
    digits,
  };
}

function nvidiaDriver() {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n')[0] : null;
}

/** Of the npm package webgpu, which has Dawn in it. */
function dawnVersion() {
  try {
    return createRequire(import.meta.url)('webgpu/package.json').version;
  } catch {
    return null;
  }
}
