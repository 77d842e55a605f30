/**
 * Compiles assembly/index.ts with AssemblyScript, once for every target in asconfig.json, to
 * src/backends/wasm/<target>.wasm. A target that is newer than all its sources is not built again.
 */

import { spawn } from 'node:child_process';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const config = join(root, 'asconfig.json');
const outputFolder = join(root, 'src/backends/wasm');

const { targets } = JSON.parse(await readFile(config, 'utf8'));
const changed = await newestSource();
// One process per target: the compiler is synchronous, so in one process the builds would not overlap.
const results = await Promise.all(Object.keys(targets).map(build));
if (results.includes(false)) process.exitCode = 1;

/** Builds one target unless it is up to date, and prints its sizes; false when the compiler failed. */
async function build(target) {
  const output = join(outputFolder, `${target}.wasm`);
  const fresh = (await modified(output)) > changed;
  if (!fresh && !(await compile(target, output))) return false;
  console.log(await describe(target, output, fresh));
  return true;
}

/** Compiles to a temporary file and renames it, so that an interrupted build leaves no broken output. */
async function compile(target, output) {
  const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
  const unfinished = `${output}.${process.pid}.tmp`;
  const args = [asc, '--config', config, '--target', target, '--outFile', unfinished];
  const compiler = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const status = await new Promise((resolve, reject) => {
    compiler.on('error', reject);
    compiler.on('close', resolve);
  });
  if (status === 0) await rename(unfinished, output);
  else await rm(unfinished, { force: true });
  return status === 0;
}

async function describe(target, output, fresh) {
  const bytes = await readFile(output);
  const kib = (size) => `${(size / 1024).toFixed(1)} KiB`;
  const sizes = `${kib(bytes.length)}, gzip ${kib(gzipSync(bytes).length)}`;
  return `${target}.wasm: ${sizes}${fresh ? ' (up to date)' : ''}`;
}

/** The time of the last change to any source of a target, in milliseconds. */
async function newestSource() {
  const assembly = join(root, 'assembly');
  const entries = await readdir(assembly, { recursive: true });
  const sources = entries
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => join(assembly, entry));
  const inputs = [...sources, assembly, config, ...(await importedFrom(sources))];
  inputs.push(fileURLToPath(import.meta.url), join(root, 'package-lock.json'));
  return Math.max(...(await Promise.all(inputs.map(modified))));
}

/** The files of src/ that assembly/ imports: constants that both languages use. */
async function importedFrom(sources) {
  const texts = await Promise.all(sources.map((source) => readFile(source, 'utf8')));
  return texts.flatMap((text, i) =>
    [...text.matchAll(/from '(\.\.\/src\/[^']+)'/g)].map(([, path]) =>
      join(dirname(sources[i]), `${path}.ts`),
    ),
  );
}

async function modified(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return 0;
    throw error;
  }
}
