/** Writes the numbers of jobs to files that all candidates read, and computes the expected results. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createFolder,
  expectedProduct,
  faultOf,
  lossFault,
  randomFloats,
  windowCount,
} from '../../dist/bench/library.mjs';
import { loadMnist, syntheticDigits, take } from '../../dist/data.js';
import { createBackend } from '../../dist/index.js';
import { convolveExactly } from '../engines/handgrad.mjs';
import { createTrainer, lossesOf } from '../engines/handgrad-training.mjs';
import { writeArray } from './files.mjs';
import { convolutionShapes, operandShapes } from './job.mjs';

/** The default folder of MNIST, if HANDGRAD_MNIST is not set. */
const SHARED_MNIST = fileURLToPath(new URL('../../../shared/mnist', import.meta.url));

const PREPARE = {
  matmul: prepareProduct,
  conv2d: prepareConvolution,
  train: prepareTraining,
  epoch: prepareEpoch,
};

/**
 * Prepares a workload of the CPU suite.
 *
 * @param {import('../suites/cpu/workloads.mjs').Workload} workload
 * @param {string} parent the folder in which the job's folder is created
 * @returns the job, and `fault(got, job)`, which describes the error of a result
 * @throws Error for an epoch without MNIST
 */
export async function prepareJob(workload, parent) {
  const folder = join(parent, workload.name);
  await createFolder(folder);
  return PREPARE[workload.subject]({ ...workload, folder });
}

/**
 * Prepares the training of a model for the GPU suite: digits, initial weights, and the first losses
 * of the wasm backend.
 */
export async function prepareModel(model, { train, test }, parent) {
  const folder = join(parent, model.name);
  await createFolder(folder);
  const data = take(train, Math.min(model.trainSize, train.size));
  await writeDigits(folder, data);
  await writeDigits(folder, take(test, Math.min(model.testSize, test.size)), 'test-');
  const job = { ...model, folder, normalization: data.normalization };
  const { losses, names } = await initialise(await createBackend('wasm'), job, data);
  const parameterNames = names.filter((name) => !/running_(mean|var)$/.test(name));
  return { ...job, parameterNames, losses };
}

/** MNIST from $HANDGRAD_MNIST or the shared folder; undefined if neither exists. */
export async function loadDigits() {
  const directory = process.env.HANDGRAD_MNIST || SHARED_MNIST;
  return existsSync(directory) ? loadMnist({ directory }) : undefined;
}

async function prepareProduct(job) {
  const { shapeA, shapeB } = operandShapes(job);
  const a = randomFloats(sizeOf(shapeA), 1);
  const b = randomFloats(sizeOf(shapeB), 2);
  await writeArray(job.folder, 'a', a);
  await writeArray(job.folder, 'b', b);
  const expected = expectedProduct(a, b, job);
  return { job, fault: (got) => faultOf(got, expected) };
}

async function prepareConvolution(job) {
  const shapes = convolutionShapes(job);
  const operands = Object.fromEntries(
    Object.entries({ x: shapes.x, W: shapes.W, dy: shapes.y }).map(([name, shape], seed) => [
      name,
      randomFloats(sizeOf(shape), seed),
    ]),
  );
  for (const [name, values] of Object.entries(operands)) {
    await writeArray(job.folder, name, values);
  }
  const expected = {
    want: await convolveExactly(job, operands),
    magnitudes: await convolveExactly(job, mapValues(operands, Math.abs)),
    terms: termsOf(job),
  };
  return { job, fault: (got) => faultOf(got, expected) };
}

/** Terms of the sum in one element of a convolution's result. */
export function termsOf({ wanted, batch, extent, channels, outputs, kernel }) {
  const terms = {
    y: kernel ** 2 * channels,
    dx: kernel ** 2 * outputs,
    dW: batch * windowCount(extent, kernel, 1, 0) ** 2,
  };
  return terms[wanted];
}

async function prepareTraining(job) {
  const size = Math.max(job.steps, job.checkedSteps) * job.batch;
  const { train: digits } = syntheticDigits({ trainSize: size, testSize: 1 });
  await writeDigits(job.folder, digits);
  await writeArray(job.folder, 'inputs', normalise(digits));
  return checkByLosses(job, digits);
}

async function prepareEpoch(job) {
  const digits = await loadDigits();
  if (!digits) throw new Error('no MNIST: HANDGRAD_MNIST is not the folder of its files');
  await writeDigits(job.folder, digits.train);
  await writeDigits(job.folder, digits.test, 'test-');
  return checkByLosses(job, digits.train);
}

async function checkByLosses(job, digits) {
  const backend = await createBackend('reference', { precision: 'float64' });
  const { losses } = await initialise(backend, job, digits);
  const fault = (got, { checkedSteps }) => lossFault(got, losses.slice(0, checkedSteps));
  return { job: { ...job, normalization: digits.normalization }, fault };
}

/** Writes initial weights, and computes the losses of the first steps; closes the backend. */
async function initialise(backend, job, data) {
  try {
    const trainer = createTrainer(backend, job);
    const state = await trainer.state();
    for (const [name, { data: values }] of state) await writeArray(job.folder, name, values);
    const losses = await lossesOf(trainer, data, job.checkedSteps);
    return { losses, names: [...state.keys()] };
  } finally {
    await backend.close();
  }
}

async function writeDigits(folder, { inputs, targets }, prefix = '') {
  await writeArray(folder, `${prefix}bytes`, inputs);
  await writeArray(folder, `${prefix}labels`, Int32Array.from(targets));
}

function normalise({ inputs, normalization: { mean, std } }) {
  return Float32Array.from(inputs, (byte) => (byte / 255 - mean) / std);
}

function mapValues(operands, change) {
  return Object.fromEntries(
    Object.entries(operands).map(([name, values]) => [name, values.map(change)]),
  );
}

function sizeOf(shape) {
  return shape.reduce((a, b) => a * b, 1);
}
