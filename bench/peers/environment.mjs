import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What the numbers were measured on, and with which versions. */
export async function describeEnvironment(pytorch) {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    handgrad: await describeHandgrad(),
    peers: await installedVersions(),
    pytorch: pytorch.description ?? { error: pytorch.error },
  };
}

/** `AMD EPYC 9B14 96-Core Processor` → `amd-epyc-9b14-96-core`. */
export function machineSlug(cpu) {
  const words = cpu.toLowerCase().replace(/\((r|tm)\)|\b(cpu|processor)\b|@.*$/g, ' ');
  return words.match(/[a-z0-9]+/g)?.join('-') ?? 'unknown';
}

async function describeHandgrad() {
  const { version } = await readJson('../../package.json');
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd, encoding: 'utf8' });
  return { version, ...(git.status === 0 && { commit: git.stdout.trim() }) };
}

async function installedVersions() {
  const { dependencies } = await readJson('package.json');
  const versions = {};
  for (const name of Object.keys(dependencies)) {
    versions[name] = await readJson(`node_modules/${name}/package.json`).then(
      ({ version }) => version,
      () => 'not installed',
    );
  }
  return versions;
}

async function readJson(path) {
  return JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'));
}
