/**
 * handgrad.
 *
 *   matmul   the compiled product run n times, operands and result staying in WASM memory: what
 *            `handgrad bench matmul` times
 *   conv2d   the same for one convolution or gradient, channels last, without bias
 *   train    `Trainer.fit`, an epoch per round. More than the others are asked for: it shuffles,
 *            gathers and normalises every batch from bytes, and checks every loss.
 *   epoch    a new `Trainer` with the initial weights, and its `fit`
 */

import {
  adam,
  batchNorm2d,
  conv2d,
  createBackend,
  flatten,
  globalAveragePool,
  linear,
  maxPool2d,
  oneCycle,
  onImages,
  relu,
  residual,
  Step,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Tensor,
  Trainer,
} from '../../../dist/index.js';
import { readBytes, readIntegers, readReals } from '../files.mjs';
import { convolutionShapes, operandShapes, readConvolution, readOperands } from '../job.mjs';

const LAYERS = {
  batchNorm2d,
  conv2d,
  flatten,
  globalAveragePool,
  linear,
  maxPool2d,
  relu,
  residual: (body, shortcut) => residual(createLayers(body), shortcut && createLayers(shortcut)),
};

export async function open({ device, threads }) {
  const backend = await createBackend(device, { threads });
  const { info } = backend;
  return {
    threads: info.threads,
    build: info.build,
    note: info.notes.find((note) => /thread/i.test(note)),
    matmul: (job) => matmul(backend, job),
    conv2d: async (job) => convolution(backend, job, await readConvolution(job)),
    train: (job) => train(backend, job),
    epoch: (job) => epoch(backend, job),
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
  return { result: await device.read(C), run: (times) => runToEnd(executable, device, times) };
}

/** A GPU may still be at work when `run` resolves. */
async function runToEnd(executable, device, times) {
  await executable.run(times);
  await device.finish();
}

/** The op that computes what is wanted, and the tensors that it reads. */
const CONVOLUTION_CALLS = {
  y: ['conv2dForward', 'x', 'W'],
  dx: ['conv2dBackwardInput', 'dy', 'W'],
  dW: ['conv2dBackwardWeight', 'x', 'dy'],
};
const PLAIN = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 0,
  paddingWidth: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};

async function convolution({ device }, job, operands) {
  const { x, y, W } = convolutionShapes(job);
  const shapes = { x, y, W, dx: x, dy: y, dW: W };
  const [op, ...inputs] = CONVOLUTION_CALLS[job.wanted];
  const tensors = Object.fromEntries(
    [job.wanted, ...inputs].map((name) => [name, new Tensor(name, shapes[name], 'persistent')]),
  );
  const step = new Step();
  step.call(op, tensors, PLAIN);
  const executable = await device.compile(step);
  for (const name of inputs) device.write(tensors[name], operands[name]);
  await executable.run(1);
  return {
    result: await device.read(tensors[job.wanted]),
    run: (times) => runToEnd(executable, device, times),
  };
}

async function train(backend, job) {
  const data = await readDataset(job);
  const trainer = await startTrainer(backend, job);
  const result = await lossesOf(trainer, data, job.checkedSteps);
  return { result, run: (times) => trainer.fit(data, { epochs: times }) };
}

async function epoch(backend, job) {
  const data = await readDataset(job);
  const result = await lossesOf(await startTrainer(backend, job), data, job.checkedSteps);
  let trainer;
  return {
    result,
    async run(times) {
      for (let i = 0; i < times; i++) {
        trainer = await startTrainer(backend, job);
        await trainer.fit(data, { epochs: 1, shuffle: false });
      }
    },
    accuracy: async () => (await trainer.evaluate(await readDataset(job, 'test-'))).accuracy,
  };
}

/** In float64, with its own initial weights, which all contestants then get. */
export async function openReference(job) {
  const backend = await createBackend('reference', { precision: 'float64' });
  return { backend, trainer: createTrainer(backend, job) };
}

/** What is wanted of a convolution, in float64. */
export async function convolveExactly(job, operands) {
  const backend = await createBackend('reference', { precision: 'float64' });
  const { result } = await convolution(backend, job, operands);
  await backend.close();
  return result;
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

/** @param {import('../work.mjs').Training} work */
export function createModel({ layers, image }) {
  const model = createLayers(layers);
  return image ? onImages(image, model) : model;
}

function createLayers(layers) {
  return sequential(...layers.map(([kind, ...args]) => LAYERS[kind](...args)));
}

/** @param {number} [seed] of weights that are not loaded, and of shuffles */
export function createTrainer(backend, job, seed = 0) {
  return new Trainer(backend, {
    model: createModel(job),
    loss: softmaxCrossEntropy(),
    optimizer: createOptimizer(job.optimizer),
    batchSize: job.batch,
    seed,
  });
}

function createOptimizer({ name, learningRate: maximum, oneCycle: cycles, ...options }) {
  const learningRate = cycles ? oneCycle({ maximum }) : maximum;
  return { adam, sgd }[name]({ learningRate, ...options });
}

export async function readDataset({ name, folder, features, classes, normalization }, prefix = '') {
  const targets = await readIntegers(folder, `${prefix}labels`);
  return {
    name,
    size: targets.length,
    features,
    classes,
    inputs: await readBytes(folder, `${prefix}bytes`),
    targets,
    normalization,
  };
}

/** A trainer with the initial weights that all get. */
export async function startTrainer(backend, job) {
  const trainer = createTrainer(backend, job);
  const state = new Map();
  for (const [name, { shape }] of await trainer.state()) {
    state.set(name, { shape, data: await readReals(job.folder, name) });
  }
  await trainer.loadState(state);
  return trainer;
}
