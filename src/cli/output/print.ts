/** Where output goes: results to stdout, so that they can be piped, everything else to stderr. */

import { oneLine } from '../failure.js';

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON object on one line. Numbers that are not finite become null. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Something worth knowing that is not a result. */
export function note(text: string): void {
  process.stderr.write(`note: ${oneLine(text)}\n`);
}

/** Something that must not be overlooked. */
export function warn(text: string): void {
  process.stderr.write(`WARNING: ${oneLine(text)}\n`);
}
