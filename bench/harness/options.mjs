/** Command-line options that both suites share. */

import { parseArgs } from 'node:util';

const COMMON = {
  quick: { type: 'boolean', default: false },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
};

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} names of the suite's own options, each with a value
 * @throws TypeError for an unknown option
 */
export function parseOptions(args, names) {
  const own = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  return parseArgs({ args, options: { ...own, ...COMMON } }).values;
}

/**
 * Reads a comma-separated list.
 *
 * @returns {readonly string[]} all known values without the option
 * @throws RangeError for an unknown value
 */
export function chooseFrom(known, option, text) {
  if (text === undefined) return known;
  const chosen = text.split(',').map((name) => name.trim());
  const unknown = chosen.find((name) => !known.includes(name));
  if (unknown === undefined) return chosen;
  throw new RangeError(`--${option}: expected some of ${known.join(', ')}, got ${unknown}`);
}

/** @throws RangeError for anything but a positive integer */
export function readCount(option, text) {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(`--${option}: expected a positive integer, got ${text}`);
}
