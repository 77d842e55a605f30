/** Models, trainers and datasets of handgrad, for its CPU and GPU candidates and the reference. */

import { adam, layerFrom, oneCycle, sgd, softmaxCrossEntropy, Trainer } from '../../dist/index.js';
import { readBytes, readFloats, readIntegers } from '../harness/files.mjs';

/** @param {number} [seed] of shuffles, and of weights that are not loaded */
export function createTrainer(backend, job, seed = 0) {
  return new Trainer(backend, {
    model: layerFrom(job.model),
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

/** A trainer with the initial weights of the job. */
export async function startTrainer(backend, job) {
  const trainer = createTrainer(backend, job);
  const state = new Map();
  for (const [name, { shape }] of await trainer.state()) {
    state.set(name, { shape, data: await readFloats(job.folder, name) });
  }
  await trainer.loadState(state);
  return trainer;
}

/** Losses of the first steps, with the batches in the order of the dataset. */
export async function lossesOf(trainer, data, steps) {
  const losses = [];
  const onStep = ({ step, loss }) => {
    losses.push(loss);
    return step < steps;
  };
  await trainer.fit(data, { epochs: 1, shuffle: false, onStep });
  return losses;
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
