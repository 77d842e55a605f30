/** The machine, and the versions of everything that is measured. */

import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../../dist/bench/library.mjs';

/** Machine, engine and handgrad's version. */
export async function describeMachine() {
  return { ...describeEnvironment(), handgrad: await describeHandgrad() };
}

/** `AMD EPYC 9B14 96-Core Processor` → `amd-epyc-9b14-96-core`. */
export function machineSlug(name) {
  const words = name.toLowerCase().replace(/\((r|tm)\)|\b(cpu|processor)\b|@.*$/g, ' ');
  return words.match(/[a-z0-9]+/g)?.join('-') ?? 'unknown';
}

/** Versions of the engines in bench/package.json. */
export async function installedVersions() {
  const { dependencies } = await readJson('../package.json');
  const versions = {};
  for (const name of Object.keys(dependencies)) {
    versions[name] = await readJson(`../node_modules/${name}/package.json`).then(
      ({ version }) => version,
      () => 'not installed',
    );
  }
  return versions;
}

/** Name and driver of an NVIDIA GPU; null without one. */
export function nvidiaDriver() {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n')[0] : null;
}

/** Version of the npm package webgpu, which contains Dawn. */
export function dawnVersion() {
  try {
    return createRequire(import.meta.url)('webgpu/package.json').version;
  } catch {
    return null;
  }
}

async function describeHandgrad() {
  const { version } = await readJson('../../package.json');
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd, encoding: 'utf8' });
  return { version, ...(git.status === 0 && { commit: git.stdout.trim() }) };
}

async function readJson(path) {
  return JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'));
}
