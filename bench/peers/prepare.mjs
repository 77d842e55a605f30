/** Draws the numbers of a job, writes them where contestants read them, and computes the answer. */

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadMnist, syntheticDigits } from '../../dist/data.js';
import { RandomStream } from '../../dist/index.js';
import { convolveExactly, lossesOf, openReference } from './engines/handgrad.mjs';
import { writeArray } from './files.mjs';
import { convolutionShapes, operandShapes } from './job.mjs';
import { expectedProduct, lossFault, productFault } from './verify.mjs';
import { termsOf } from './work.mjs';

/** Where MNIST is looked for unless HANDGRAD_MNIST says where it is. */
const SHARED_MNIST = fileURLToPath(new URL('../../../shared/mnist', import.meta.url));

const PREPARE = {
  matmul: prepareProduct,
  conv2d: prepareConvolution,
  train: prepareTraining,
  epoch: prepareEpoch,
};

/**
 * @param {import('./work.mjs').Work} work
 * @param {{ folder: string }} options where jobs are
 * @returns the job, and what says what is wrong with a contestant's result for its part of the job
 * @throws Error when there is no MNIST for an epoch
 */
export async function prepareJob(work, { folder: parent }) {
  const folder = join(parent, work.name);
  await mkdir(folder, { recursive: true });
  return PREPARE[work.subject]({ ...work, folder });
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

async function prepareConvolution(job) {
  const shapes = convolutionShapes(job);
  const operands = Object.fromEntries(
    Object.entries({ x: shapes.x, W: shapes.W, dy: shapes.y }).map(([name, shape], seed) => [
      name,
      randomReals(
        shape.reduce((a, b) => a * b),
        seed,
      ),
    ]),
  );
  for (const [name, values] of Object.entries(operands)) {
    await writeArray(job.folder, name, values);
  }
  const C = await convolveExactly(job, operands);
  // Sums of absolute values, which bound the rounding errors.
  const magnitudes = await convolveExactly(job, mapValues(operands, Math.abs));
  return { job, fault: (got) => productFault(got, { C, magnitudes }, termsOf(job)) };
}

async function prepareTraining(job) {
  const size = Math.max(job.steps, job.checkedSteps) * job.batch;
  const { train: digits } = syntheticDigits({ trainSize: size, testSize: 1 });
  await writeDigits(job.folder, digits);
  await writeArray(job.folder, 'inputs', normalise(digits));
  return checkByLosses(job, digits);
}

async function prepareEpoch(job) {
  const { train, test } = await loadDigits();
  await writeDigits(job.folder, train);
  await writeDigits(job.folder, test, 'test-');
  return checkByLosses(job, train);
}

/** Writes the initial parameters, and computes the losses of the first steps. */
async function checkByLosses(job, digits) {
  const { backend, trainer } = await openReference(job);
  for (const [name, { data }] of await trainer.state()) await writeArray(job.folder, name, data);
  const want = await lossesOf(trainer, digits, job.checkedSteps);
  await backend.close();
  const { normalization } = digits;
  const fault = (got, { checkedSteps }) => lossFault(got, want.slice(0, checkedSteps));
  return { job: { ...job, normalization }, fault };
}

async function loadDigits() {
  const directory = process.env.HANDGRAD_MNIST || SHARED_MNIST;
  if (existsSync(directory)) return loadMnist({ directory });
  throw new Error('no MNIST: HANDGRAD_MNIST names no folder with its files');
}

async function writeDigits(folder, { inputs, targets }, prefix = '') {
  await writeArray(folder, `${prefix}bytes`, inputs);
  await writeArray(folder, `${prefix}labels`, targets);
}

function normalise({ inputs, normalization: { mean, std } }) {
  return Float32Array.from(inputs, (byte) => (byte / 255 - mean) / std);
}

function mapValues(operands, change) {
  return Object.fromEntries(
    Object.entries(operands).map(([name, values]) => [name, values.map(change)]),
  );
}

/** Uniform on [−1, 1), the same for the same seed. */
function randomReals(size, seed) {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: size }, () => 2 * random.nextFloat() - 1);
}
