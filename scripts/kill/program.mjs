import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built program. */
const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** No run of these scripts takes nearly as long. */
const LIMIT_MILLISECONDS = 120_000;

/**
 * Runs `handgrad …args`.
 *
 * @param onLine called with each line of stdout, and with the process
 * @param killAfter milliseconds after which the process is killed; never by default
 * @returns status or signal, stderr, and the milliseconds that it took
 * @throws Error when the program hangs
 */
export function handgrad(args, { onLine, killAfter } = {}) {
  const began = performance.now();
  const subprocess = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, XDG_CACHE_HOME: '/nonexistent/cache' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stderr, stdout] = ['', ''];
  subprocess.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  subprocess.stdout.on('data', (chunk) => {
    const lines = (stdout + chunk).split('\n');
    stdout = lines.pop();
    for (const line of lines) onLine?.(line, subprocess);
  });
  return new Promise((resolve, reject) => {
    const timer =
      killAfter === undefined ? 0 : setTimeout(() => subprocess.kill('SIGKILL'), killAfter);
    const limit = setTimeout(() => {
      subprocess.kill('SIGKILL');
      reject(
        new Error(
          `expected handgrad ${args.join(' ')} to end, got none after ${LIMIT_MILLISECONDS} ms`,
        ),
      );
    }, LIMIT_MILLISECONDS);
    subprocess.on('error', reject);
    subprocess.on('close', (status, signal) => {
      clearTimeout(timer);
      clearTimeout(limit);
      resolve({ status, signal, stderr, milliseconds: performance.now() - began });
    });
  });
}

/** Begins a run, or continues it once it has a checkpoint. */
export function trainFurther(out, train, killAfter) {
  const resume = existsSync(join(out, 'checkpoint.safetensors')) ? ['--resume'] : [];
  return handgrad([...train, '--out', out, ...resume], { killAfter });
}

/** The names in a folder; none if it does not exist. */
export const namesIn = (folder) => readdir(folder).catch(() => []);

/** What a complete run leaves: the weights, and the history without times. */
export async function resultOf(folder) {
  const weights = await readFile(join(folder, 'weights.safetensors'));
  const { epochs } = JSON.parse(await readFile(join(folder, 'history.json'), 'utf8'));
  const records = epochs.map(({ seconds: _, ...record }) => record);
  return createHash('sha256').update(weights).update(JSON.stringify(records)).digest('hex');
}

/**
 * Checks that every file of a run is whole, as far as it is there.
 *
 * @param decode decodes a safetensors file, or throws
 */
export async function expectWhole(folder, decode) {
  for (const file of ['config.json', 'history.json']) {
    const path = join(folder, file);
    if (existsSync(path)) JSON.parse(await readFile(path, 'utf8'));
  }
  for (const file of ['checkpoint.safetensors', 'weights.safetensors']) {
    const path = join(folder, file);
    if (existsSync(path)) decode(await readFile(path), path);
  }
}

/** Files that only a run in progress, or one that was killed, leaves. */
export const isLeftover = (name) => /\.part$|\.lock$/.test(name);

/** @throws Error unless the condition holds */
export function expect(condition, message) {
  if (!condition) throw new Error(message);
}
