import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a module's text in a process of its own, which has half a minute to end by itself. */
export function inNode(
  text: string,
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
) {
  const args = ['--input-type=module', '--eval', text];
  return run(process.execPath, args, {
    cwd,
    timeout: 30_000,
    env: { ...process.env, ...variables },
  });
}
