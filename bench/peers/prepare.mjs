/** Draws the numbers of a job, writes them where contestants read them, and computes the answer. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syntheticDigits } from '../../dist/data.js';
import { RandomStream } from '../../dist/index.js';
import { lossesOf, openReference } from './engines/handgrad.mjs';
import { writeArray } from './files.mjs';
import { operandShapes } from './job.mjs';
import { expectedProduct, lossFault, productFault } from './verify.mjs';

/** Steps whose losses are compared. */
const CHECKED_STEPS = 5;

/**
 * @param {import('./work.mjs').Work} work
 * @param {{ folder: string, steps: number }} options where jobs are, and the steps of a round
 * @returns the job, and what says what is wrong with a contestant's result
 */
export async function prepareJob(work, { folder: parent, steps }) {
  const folder = join(parent, work.name);
  await mkdir(folder, { recursive: true });
  const job = { ...work, folder, steps, checkedSteps: CHECKED_STEPS };
  return work.subject === 'matmul' ? prepareProduct(job) : prepareTraining(job);
}

async function prepareProduct(job) {
  const { shapeA, shapeB } = operandShapes(job);
  const a = randomReals(shapeA[0] * shapeA[1], 1);
  const b = randomReals(shapeB[0] * shapeB[1], 2);
  await writeArray(job.folder, 'a', a);
  await writeArray(job.folder, 'b', b);
  const want = expectedProduct(a, b, job);
  return { job, fault: (got) => productFault(got, want, job.k) };
}

async function prepareTraining(job) {
  const { train: digits } = syntheticDigits({ trainSize: job.steps * job.batch, testSize: 1 });
  await writeDigits(job.folder, digits);
  const { backend, trainer } = await openReference(job);
  for (const [name, { data }] of await trainer.state()) await writeArray(job.folder, name, data);
  const want = await lossesOf(trainer, digits, job.checkedSteps);
  await backend.close();
  const { normalization } = digits;
  return { job: { ...job, normalization }, fault: (got) => lossFault(got, want) };
}

async function writeDigits(folder, { inputs, targets, normalization: { mean, std } }) {
  const normalised = Float32Array.from(inputs, (byte) => (byte / 255 - mean) / std);
  await writeArray(folder, 'bytes', inputs);
  await writeArray(folder, 'inputs', normalised);
  await writeArray(folder, 'labels', targets);
}

/** Uniform on [−1, 1), the same for the same seed. */
function randomReals(size, seed) {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: size }, () => 2 * random.nextFloat() - 1);
}
