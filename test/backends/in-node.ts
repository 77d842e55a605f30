import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a module's text in a subprocess; rejects if it does not end within two minutes. */
export function inNode(
  text: string,
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
) {
  const args = ['--input-type=module', '--eval', text];
  return run(process.execPath, args, {
    cwd,
    timeout: 120_000,
    env: { ...process.env, ...variables },
  });
}
