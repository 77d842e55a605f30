/**
 * handgrad.
 *
 *   matmul   the compiled product run n times, operands and result staying in WASM memory: what
 *            `handgrad bench matmul` times
 *   train    `Trainer.fit`, an epoch per round. More than the others are asked for: it shuffles,
 *            gathers and normalises every batch from bytes, and checks every loss.
 */

import {
  createBackend,
  linear,
  relu,
  Step,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Tensor,
  Trainer,
} from '../../../dist/index.js';
import { readBytes, readIntegers, readReals } from '../files.mjs';
import { operandShapes, parameterStems, readOperands } from '../job.mjs';

export async function open({ device, threads }) {
  const backend = await createBackend(device, { threads });
  const { info } = backend;
  return {
    threads: info.threads,
    build: info.build,
    note: info.notes.find((note) => /thread/i.test(note)),
    matmul: (job) => matmul(backend, job),
    train: (job) => train(backend, job),
  };
}

async function matmul({ device }, job) {
  const { transposeA, transposeB, shapeA, shapeB } = operandShapes(job);
  const A = new Tensor('A', shapeA, 'persistent');
  const B = new Tensor('B', shapeB, 'persistent');
  const C = new Tensor('C', [job.m, job.n], 'persistent');
  const step = new Step();
  const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
  step.call('matmul', { C, A, B }, attributes);
  const executable = await device.compile(step);
  const { a, b } = await readOperands(job);
  device.write(A, a);
  device.write(B, b);
  await executable.run(1);
  return { result: await device.read(C), run: (times) => executable.run(times) };
}

async function train(backend, job) {
  const data = await readDataset(job);
  const trainer = createTrainer(backend, job);
  await trainer.loadState(await readState(job));
  const result = await lossesOf(trainer, data, job.checkedSteps);
  return { result, run: (times) => trainer.fit(data, { epochs: times }) };
}

/** In float64, with its own initial weights, which all contestants then get. */
export async function openReference(job) {
  const backend = await createBackend('reference', { precision: 'float64' });
  return { backend, trainer: createTrainer(backend, job) };
}

/** Losses of the first steps, batches in the dataset's order. */
export async function lossesOf(trainer, data, steps) {
  const losses = [];
  const onStep = ({ step, loss }) => {
    losses.push(loss);
    return step < steps;
  };
  await trainer.fit(data, { epochs: 1, shuffle: false, onStep });
  return losses;
}

function createTrainer(backend, { layers, batch, learningRate }) {
  const [first, ...others] = layers.slice(1).map((outputs, i) => linear(layers[i], outputs));
  return new Trainer(backend, {
    model: sequential(first, ...others.flatMap((layer) => [relu(), layer])),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate }),
    batchSize: batch,
  });
}

async function readDataset({ name, folder, steps, batch, layers, normalization }) {
  return {
    name,
    size: steps * batch,
    features: layers[0],
    classes: layers.at(-1),
    inputs: await readBytes(folder, 'bytes'),
    targets: await readIntegers(folder, 'labels'),
    normalization,
  };
}

async function readState({ folder, layers }) {
  const state = new Map();
  for (const [i, stem] of parameterStems(layers).entries()) {
    const [inputs, outputs] = [layers[i], layers[i + 1]];
    const weight = await readReals(folder, `${stem}.weight`);
    state.set(`${stem}.weight`, { shape: [outputs, inputs], data: weight });
    state.set(`${stem}.bias`, { shape: [outputs], data: await readReals(folder, `${stem}.bias`) });
  }
  return state;
}
