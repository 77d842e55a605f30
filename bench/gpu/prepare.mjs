/** Writes what all contestants train on: data, initial weights, and the first loss to be met. */

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadMnist, syntheticDigits, take } from '../../dist/data.js';
import { createBackend } from '../../dist/index.js';
import { createTrainer, lossesOf } from '../peers/engines/handgrad.mjs';
import { writeArray } from '../peers/files.mjs';

/** MNIST from $HANDGRAD_MNIST, or drawn digits, named so, where that is not set. */
export async function loadDigits() {
  const directory = process.env.HANDGRAD_MNIST;
  if (directory && existsSync(directory)) return loadMnist({ directory });
  return syntheticDigits();
}

/**
 * @param {object} network of work.mjs
 * @returns the job that contestants get, with the losses of the wasm backend's first steps
 */
export async function prepareTraining(network, { train, test }, parent) {
  const folder = join(parent, network.name);
  await mkdir(folder, { recursive: true });
  const data = take(train, Math.min(network.trainSize, train.size));
  await writeDigits(folder, data, '');
  await writeDigits(folder, take(test, Math.min(network.testSize, test.size)), 'test-');
  const { normalization } = data;
  const backend = await createBackend('wasm');
  try {
    const trainer = createTrainer(backend, network);
    const state = await trainer.state();
    for (const [name, { data: values }] of state) await writeArray(folder, name, values);
    const parameterNames = [...state.keys()].filter((name) => !/running_(mean|var)$/.test(name));
    const losses = await lossesOf(trainer, data, network.checkedSteps);
    return { ...network, folder, normalization, parameterNames, losses };
  } finally {
    await backend.close();
  }
}

async function writeDigits(folder, { inputs, targets }, prefix) {
  await writeArray(folder, `${prefix}bytes`, inputs);
  await writeArray(folder, `${prefix}labels`, Int32Array.from(targets));
}
