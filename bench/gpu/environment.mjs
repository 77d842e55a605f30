import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { findPytorch } from '../peers/python.mjs';
import { PYTORCH_SCRIPT } from './child.mjs';

/** The path's first, which on a machine with a GPU has CUDA. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** @returns {{ program: string, description: object } | { error: string }} */
export function findCudaPytorch() {
  return findPytorch(PYTORCH_SCRIPT, PYTHONS);
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
