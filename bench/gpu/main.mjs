/** Measures everything that needs a GPU, and says which targets are met: `npm run bench:gpu`. */

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineSlug } from '../peers/environment.mjs';
import { runJob } from './child.mjs';
import { describeEnvironment, findCudaPytorch } from './environment.mjs';
import { readOptions, USAGE } from './options.mjs';
import { loadDigits, prepareTraining } from './prepare.mjs';
import { describeResult, isFailure } from './result.mjs';
import { formatReport } from './table.mjs';
import { judge } from './targets.mjs';
import { VARIANTS } from './variants.mjs';
import { jobsOf, networkOf, scaleOf } from './work.mjs';

/** Asks for the adapter's name. */
const DESCRIBE = { engine: 'handgrad', task: { kind: 'describe' }, limitSeconds: 30 };

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

async function main({ parts, quick, out = RESULTS }) {
  const scale = scaleOf(quick);
  const pytorch = findCudaPytorch();
  const digits = await loadDigits();
  const folder = await temporaryFolder();
  const adapter = await runJob(DESCRIBE, pytorch);
  const hasCuda = pytorch.description?.isGpu === true;
  const networks = new Map();
  const results = [];
  for (const job of jobsOf(parts, scale, VARIANTS, hasCuda)) {
    const began = performance.now();
    const result = await measure(job, { scale, pytorch, digits, folder, networks });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.error(`${job.part}  ${job.contestant}  ${result.error ?? 'done'}  (${seconds} s)`);
    results.push(result);
  }
  const { name } = digits.train;
  const environment = await describeEnvironment({ adapter, pytorch, digits: name }, results);
  const isMnist = /^MNIST/.test(name);
  const targets = judge(results, { quick, parts, isMnist, hasCuda });
  if (results.some(isFailure)) process.exitCode = 1;
  await writeReport(out, { environment, quick, targets, results });
}

/** A job's result, or the error that it ended with. */
async function measure(job, { scale, pytorch, digits, folder, networks }) {
  if (job.network === undefined) return describeResult(job, await runJob(job, pytorch));
  try {
    let network = networks.get(job.network);
    network ??= await prepareTraining(networkOf(job.network, scale), digits, folder);
    networks.set(job.network, network);
    const task = { ...job.task, job: network };
    return describeResult(job, await runJob({ ...job, task }, pytorch), network);
  } catch ({ message }) {
    return describeResult(job, { error: message });
  }
}

async function writeReport(folder, report) {
  const { date, adapter } = report.environment;
  const path = join(folder, `${date}-gpu-${machineSlug(adapter)}${report.quick ? '-quick' : ''}`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, formatReport(report));
  console.log(formatReport(report));
  console.error(`Written to ${path}.json and .md`);
}

/** Removed when the process ends, however it does. */
async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-gpu-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}
