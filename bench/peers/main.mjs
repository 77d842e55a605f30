/** Measures handgrad and its peers side by side on this machine: `npm run bench:peers`. */

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compare } from './compare.mjs';
import { describeEnvironment, machineSlug } from './environment.mjs';
import { readOptions, USAGE } from './options.mjs';
import { findPytorch } from './python.mjs';
import { formatReport } from './table.mjs';

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

const options = optionsOrUsageError();
if (options?.help) console.log(USAGE);
else if (options) await main(options);

function optionsOrUsageError() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
    return undefined;
  }
}

async function main(options) {
  const pytorch = findPytorch();
  const folder = await temporaryFolder();
  const results = [];
  for (const work of options.works) {
    const settings = { ...options, folder, pytorch, log: (line) => console.error(line) };
    results.push(...(await compare(work, options.contestants, settings)));
  }
  const report = { environment: await describeEnvironment(pytorch), results };
  console.log(formatReport(report));
  const out = options.out ?? (options.full ? RESULTS : undefined);
  if (out) await writeReport(out, report);
  else console.error('Not written, since this was no full run; --out names a folder for it.');
  if (results.some(({ verified }) => verified === false)) process.exitCode = 1;
}

async function writeReport(folder, report) {
  const { date, cpu } = report.environment;
  const path = join(folder, `${date}-${machineSlug(cpu)}`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, formatReport(report));
  console.error(`Written to ${path}.json and .md`);
}

/** Removed when the process ends, however it does; children end when their stdin does. */
async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-peers-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}
