/** Runs the built program as a user does. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Built by `npm test` before the tests run. */
export const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with each line of stdout, and with the process, to which it may send signals. */
  readonly onLine?: (line: string, subprocess: ChildProcess) => void;
}

/** Makes every request fail, as it does without a network. */
export const OFFLINE = {
  NODE_OPTIONS: `--import "data:text/javascript,globalThis.fetch=async()=>{throw new Error('offline')}"`,
};

/** Runs `handgrad …args`, isolated from the settings and the cache folder of the user. */
export function handgrad(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(process.execPath, [PROGRAM, ...args], options);
}

/** Runs a shell script, in which `$HANDGRAD` is the program. */
export function shell(script: string, options: RunOptions = {}): Promise<Outcome> {
  const env = { HANDGRAD: `${process.execPath} ${PROGRAM}`, ...options.env };
  return run('sh', ['-c', script], { ...options, env });
}

/** Expects status 1 and one line on stderr that has the message. */
export function expectFailure({ status, stderr }: Outcome, message: string | RegExp): void {
  expect(status).toBe(1);
  expect(stderr).toMatch(/^handgrad: [^\n]*\n$/);
  expect(stderr).toMatch(message);
}

/** Parses stdout, which has one JSON object per line. */
export function jsonLines({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function run(command: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  if (!existsSync(PROGRAM)) throw new Error(`expected ${PROGRAM}, got none; run npm run build`);
  const { HANDGRAD_MNIST: _, ...inherited } = process.env;
  const env = { ...inherited, XDG_CACHE_HOME: '/nonexistent/cache', ...options.env };
  const subprocess = spawn(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  let [stdout, stderr] = ['', ''];
  subprocess.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  createInterface(subprocess.stdout).on('line', (line) => {
    stdout += `${line}\n`;
    options.onLine?.(line, subprocess);
  });
  return new Promise((resolve, reject) => {
    subprocess.on('error', reject);
    subprocess.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
