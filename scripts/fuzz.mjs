/**
 * Reads thousands of files with random changes: IDX, gzip, CSV, PNG, safetensors, and the folders of
 * runs. Each must be read, or refused with an error of this library: no crash, no hang, no unhandled
 * rejection, no memory beyond the file's size, and no nonsense that is accepted.
 *
 *   npm run fuzz
 *   node scripts/fuzz.mjs --count 500 --seed 7 --only csv,png
 *
 * test/fuzz/subjects.ts says what each subject reads and what it expects of accepted files. Each runs in
 * a process of its own, which is killed when it makes no progress.
 */

import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';
import { randomOf } from './random.mjs';
import { esbuildVirtualModules } from './virtual-modules.mjs';

const PATIENCE_MILLISECONDS = 60_000;
const SHOWN_FAILURES = 10;

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'idx,gzip,csv,png,safetensors,run' },
    bundle: { type: 'string' },
  },
});

if (options.bundle) await runSubject(options.only, pathToFileURL(options.bundle).href);
else await runAll();

/** Runs each subject in a process of its own, one after another. */
async function runAll() {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-fuzz-build-'));
  try {
    const bundle = join(folder, 'fuzz.mjs');
    await build(bundle);
    for (const name of options.only.split(',')) await runInProcess(name, bundle);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function build(outfile) {
  await esbuild.build({
    stdin: {
      contents: "export * from './fuzz.ts'; export * from './subjects.ts';",
      resolveDir: fileURLToPath(new URL('../test/fuzz', import.meta.url)),
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    plugins: [esbuildVirtualModules],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

function runInProcess(name, bundle) {
  const { count, seed } = options;
  const args = ['--only', name, '--count', count, '--seed', seed, '--bundle', bundle];
  const subprocess = fork(fileURLToPath(import.meta.url), args);
  let latest = 'none';
  const isStuck = () => {
    console.error(`${name}: no progress after mutation ${latest}`);
    subprocess.kill('SIGKILL');
  };
  let timer = setTimeout(isStuck, PATIENCE_MILLISECONDS);
  subprocess.on('message', (n) => {
    latest = n;
    clearTimeout(timer);
    timer = setTimeout(isStuck, PATIENCE_MILLISECONDS);
  });
  return new Promise((resolve, reject) => {
    subprocess.on('error', reject);
    subprocess.on('close', (status, signal) => {
      clearTimeout(timer);
      if (status !== 0) {
        console.error(
          `${name}: failed with ${signal ?? `status ${status}`} after mutation ${latest}`,
        );
        process.exitCode = 1;
      }
      resolve();
    });
  });
}

async function runSubject(name, bundle) {
  const { fuzz, createSubjects } = await import(bundle);
  const { subjects, close } = await createSubjects();
  const began = performance.now();
  const report = (n) => n % 20 === 0 && process.send(n);
  try {
    const result = await fuzz(
      subjects[name],
      Number(options.count),
      randomOf(Number(options.seed)),
      report,
    );
    const { accepted, refused, memoryFactor, failures } = result;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const megabytes = (process.resourceUsage().maxRSS / 1024).toFixed(0);
    console.log(
      `${name}: ${accepted} accepted, ${refused} refused, ${failures.length} failures; ` +
        `at most ${memoryFactor.toFixed(1)} bytes allocated for a byte of a file, ${megabytes} MiB in all; ${seconds} s`,
    );
    for (const failure of failures.slice(0, SHOWN_FAILURES)) console.log(`  ${failure}`);
    if (failures.length > 0) process.exitCode = 1;
  } finally {
    await close();
    process.disconnect();
  }
}
