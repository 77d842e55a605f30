/** Compares handgrad with other engines: `node bench/main.mjs cpu|gpu [options]`. */

import { RESULTS, temporaryFolder, writeReport } from './harness/results.mjs';

/**
 * @typedef {object} Suite
 * @property {string} USAGE
 * @property {(args: readonly string[]) => object} readOptions throws an Error for wrong usage
 * @property {(options: object, folder: string) => Promise<object>} measure returns the report;
 *   `folder` is for numbers that subprocesses exchange
 * @property {(report: object) => string} formatReport
 * @property {(report: object) => string} nameOf the report's file name, without extension
 * @property {(report: object) => boolean} hasFailed whether a result is wrong or missing
 */

const SUITES = ['cpu', 'gpu'];

const [name, ...args] = process.argv.slice(2);
if (SUITES.includes(name)) await main(await import(`./suites/${name}.mjs`));
else failUsage(`bench: expected a suite, ${SUITES.join(' or ')}, got ${name ?? 'none'}`);

/** @param {Suite} suite */
async function main(suite) {
  const options = readOptions(suite);
  if (options === undefined) return;
  if (options.help) {
    console.log(suite.USAGE);
    return;
  }
  const report = await suite.measure(options, await temporaryFolder());
  const text = suite.formatReport(report);
  console.log(text);
  const out = options.out ?? (options.isFull ? RESULTS : undefined);
  if (out) await writeReport(out, suite.nameOf(report), report, text);
  else console.error('Not written, because this was not a full run; --out sets a folder.');
  if (suite.hasFailed(report)) process.exitCode = 1;
}

/** Undefined for wrong usage. */
function readOptions(suite) {
  try {
    return suite.readOptions(args);
  } catch ({ message }) {
    failUsage(message);
    return undefined;
  }
}

function failUsage(message) {
  console.error(message);
  process.exitCode = 2;
}
