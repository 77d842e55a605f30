/** Runs the built program as a user would. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What `npm test` builds before it runs tests. */
export const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with each line of stdout, and the process to send signals to. */
  readonly onLine?: (line: string, child: ChildProcess) => void;
}

/** Makes every request fail, as without a network. */
export const OFFLINE = {
  NODE_OPTIONS: `--import "data:text/javascript,globalThis.fetch=async()=>{throw new Error('offline')}"`,
};

/** `handgrad …args`. Nothing of the caller's own settings or cache is seen. */
export function handgrad(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(process.execPath, [PROGRAM, ...args], options);
}

/** A shell script, in which `$HANDGRAD` is the program. */
export function shell(script: string, options: RunOptions = {}): Promise<Outcome> {
  const env = { HANDGRAD: `${process.execPath} ${PROGRAM}`, ...options.env };
  return run('sh', ['-c', script], { ...options, env });
}

/** Standard output as JSON objects, one per line. */
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
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  createInterface(child.stdout).on('line', (line) => {
    stdout += `${line}\n`;
    options.onLine?.(line, child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
