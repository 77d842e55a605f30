/**
 * handgrad on its WebGPU backend.
 *
 *   describe the adapter's name
 *   matmul   the compiled product run n times in one submission, operands staying on the GPU
 *   train    epochs of new trainers, after one that compiles. A trainer uploads the dataset, and
 *            shuffles, gathers and normalises its batches from bytes.
 */

import { createBackend, Step, Tensor } from '../../../dist/index.js';
import {
  createTrainer,
  lossesOf,
  readDataset,
  startTrainer,
} from '../../peers/engines/handgrad.mjs';
import { readReals } from '../../peers/files.mjs';
import { largestError, productFigures, randomReals, timed } from '../products.mjs';

const KINDS = { describe: () => ({}), matmul, train };

export async function measure({ kind, options, ...task }) {
  const backend = await createBackend('webgpu', options);
  try {
    const { build, notes } = backend.info;
    return { build, notes, ...(await KINDS[kind](backend, task)) };
  } finally {
    await backend.close();
  }
}

async function matmul({ device }, { sizes, patience }) {
  const products = [];
  for (const n of sizes) products.push(await product(device, n, patience));
  return { products };
}

async function product(device, n, patience) {
  const [A, B, C] = ['A', 'B', 'C'].map((name) => new Tensor(name, [n, n], 'persistent'));
  const step = new Step();
  step.call('matmul', { C, A, B }, { transposeA: 0, transposeB: 0 });
  const executable = await device.compile(step);
  const [a, b] = [randomReals(n * n, 1), randomReals(n * n, 2)];
  device.write(A, a);
  device.write(B, b);
  await executable.run(1);
  const largest = largestError(a, b, await device.read(C), n);
  const run = async (times) => {
    await executable.run(times);
    await device.finish();
  };
  const ms = await timed(run, patience);
  // The clock may be rounded to 0.1 ms.
  const times = Math.max(1, Math.ceil(patience.sampleMilliseconds / ms.median));
  const kernels = await executable.kernelMilliseconds?.(times);
  executable.close();
  device.release([A, B, C]);
  const figures = productFigures(n, ms, largest);
  return kernels === undefined ? figures : { ...figures, kernelMs: kernels / times };
}

async function train(backend, { job, runs, warmUps }) {
  const data = await readDataset(job);
  const test = await readDataset(job, 'test-');
  const { shuffle = false } = job;
  const began = performance.now();
  const losses = await lossesOf(await startTrainer(backend, job), data, job.checkedSteps);
  const coldSeconds = (performance.now() - began) / 1000;
  const epoch = async (seed) => {
    const trainer = createTrainer(backend, job, seed);
    const start = performance.now();
    await trainer.fit(data, { epochs: 1, shuffle });
    const seconds = (performance.now() - start) / 1000;
    return { seconds, accuracy: (await trainer.evaluate(test)).accuracy };
  };
  for (let i = 0; i < warmUps; i++) await epoch(0);
  const epochs = [];
  for (let seed = 0; seed < runs; seed++) epochs.push(await epoch(seed));
  return { parameters: await countParameters(job), losses, coldSeconds, epochs };
}

/** Numbers that are trained: those of the files that every contestant reads. */
async function countParameters({ folder, parameterNames }) {
  let count = 0;
  for (const name of parameterNames) count += (await readReals(folder, name)).length;
  return count;
}
