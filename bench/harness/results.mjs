/** Files of a run: its report, and the folder of the numbers that its subprocesses exchange. */

import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFolder } from '../../dist/bench/library.mjs';

/** The default folder of reports. */
export const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

/** Writes a report as JSON, and its text beside it. */
export async function writeReport(folder, name, report, text) {
  const path = join(folder, name);
  await createFolder(folder);
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, text);
  console.error(`Written to ${path}.json and .md`);
}

/** A folder that is removed when this process ends. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}
