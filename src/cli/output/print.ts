/** Results go to stdout, so that they can be piped. Everything else goes to stderr. */

import { oneLine } from '../failure.js';

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a value as one line of JSON. Numbers that are not finite become null. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Prints a remark on stderr. */
export function note(text: string): void {
  process.stderr.write(`note: ${oneLine(text)}\n`);
}

/** Prints a warning on stderr. */
export function warn(text: string): void {
  process.stderr.write(`WARNING: ${oneLine(text)}\n`);
}
