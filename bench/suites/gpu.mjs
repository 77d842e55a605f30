/** Compares handgrad with TensorFlow.js on WebGPU and with PyTorch on a GPU; checks the targets. */

import { syntheticDigits } from '../../dist/data.js';
import {
  dawnVersion,
  describeMachine,
  machineSlug,
  nvidiaDriver,
} from '../harness/environment.mjs';
import { chooseFrom, parseOptions } from '../harness/options.mjs';
import { loadDigits, prepareModel } from '../harness/prepare.mjs';
import { findPytorch } from '../harness/python.mjs';
import { runJob } from './gpu/job.mjs';
import { describeResult, isFailure } from './gpu/results.mjs';
import { judge } from './gpu/targets.mjs';
import { VARIANTS } from './gpu/variants.mjs';
import { jobsOf, modelFor, PARTS, scaleOf } from './gpu/workloads.mjs';

export { formatReport } from './gpu/table.mjs';

export const USAGE = `npm run bench:gpu -- [options]

  --only LIST   ${PARTS.join(', ')}
  --quick       tiny sizes, to check that everything runs
  --out DIR     folder of the report (default: bench/results)

Build first: npm run build && npm run build:bench-gpu`;

/** The Python on the path first: on a machine with a GPU, its PyTorch has CUDA. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** Reads the adapter's name. */
const DESCRIBE = { engine: 'handgrad-webgpu', task: { kind: 'describe' }, limitSeconds: 30 };

/** @throws RangeError for an unknown part, TypeError for an unknown option */
export function readOptions(args) {
  const { only, ...values } = parseOptions(args, ['only']);
  return { ...values, parts: chooseFrom(PARTS, 'only', only), isFull: true };
}

export async function measure({ parts, quick }, folder) {
  const scale = scaleOf(quick);
  const pytorch = findPytorch(PYTHONS);
  const digits = (await loadDigits()) ?? syntheticDigits();
  const adapter = await runJob(DESCRIBE, pytorch);
  const hasCuda = pytorch.description?.isGpu === true;
  const settings = { scale, pytorch, digits, folder, models: new Map() };
  const results = [];
  for (const job of jobsOf(parts, scale, VARIANTS, hasCuda)) {
    const start = performance.now();
    const result = await measureJob(job, settings);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.error(`${job.part}  ${job.candidate}  ${result.error ?? 'done'}  (${seconds} s)`);
    results.push(result);
  }
  const { name } = digits.train;
  const environment = await describeEnvironment({ adapter, pytorch, digits: name }, results);
  const isMnist = /^MNIST/.test(name);
  const targets = judge(results, { quick, parts, isMnist, hasCuda });
  return { environment, quick, targets, results };
}

export function nameOf({ environment: { date, adapter }, quick }) {
  return `${date}-gpu-${machineSlug(adapter)}${quick ? '-quick' : ''}`;
}

export function hasFailed({ results }) {
  return results.some(isFailure);
}

/** The result of a job, or the error that ended it. */
async function measureJob(job, { scale, pytorch, digits, folder, models }) {
  if (job.model === undefined) return describeResult(job, await runJob(job, pytorch));
  try {
    let model = models.get(job.model);
    model ??= await prepareModel(modelFor(job.model, scale), digits, folder);
    models.set(job.model, model);
    const task = { ...job.task, job: model };
    return describeResult(job, await runJob({ ...job, task }, pytorch), model);
  } catch ({ message }) {
    return describeResult(job, { error: message });
  }
}

async function describeEnvironment({ adapter, pytorch, digits }, results) {
  const tensorflow = results.find(({ engine, build }) => engine === 'tensorflow-webgpu' && build);
  return {
    ...(await describeMachine()),
    adapter: adapter.build ?? 'no GPU',
    notes: adapter.notes ?? [adapter.error],
    driver: nvidiaDriver(),
    dawn: dawnVersion(),
    tensorflow: tensorflow?.build ?? null,
    pytorch: pytorch.description ?? { error: pytorch.error },
    digits,
  };
}
