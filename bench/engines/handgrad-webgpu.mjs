/**
 * handgrad on its WebGPU backend.
 *
 *   describe   the adapter's name
 *   matmul     the compiled product runs n times in one submission; operands stay on the GPU
 *   train      epochs of new trainers, after a warm-up epoch. A trainer uploads the dataset, and
 *              shuffles, gathers and normalises its batches from bytes.
 */

import { createBackend, Step, Tensor } from '../../dist/index.js';
import { matmulOps } from '../../dist/ops.js';
import { readFloats } from '../harness/files.mjs';
import { largestError, productFigures, quickRandom, timed } from '../harness/square-product.mjs';
import { createTrainer, lossesOf, readDataset, startTrainer } from './handgrad-training.mjs';

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

async function matmul({ runtime }, { sizes, timing }) {
  const products = [];
  for (const n of sizes) products.push(await product(runtime, n, timing));
  return { products };
}

async function product(runtime, n, timing) {
  const [A, B, C] = ['A', 'B', 'C'].map((name) => new Tensor(name, [n, n], 'persistent'));
  const step = new Step();
  const attributes = { transposeA: 0, transposeB: 0 };
  step.call(matmulOps.matmul, { A, B }, { attributes, into: { C } });
  const executable = await runtime.compile(step);
  const [a, b] = [quickRandom(n * n, 1), quickRandom(n * n, 2)];
  runtime.write(A, a);
  runtime.write(B, b);
  await executable.run(1);
  const largest = largestError(a, b, await runtime.read(C), n);
  const run = async (times) => {
    await executable.run(times);
    await runtime.finish();
  };
  const ms = await timed(run, timing);
  // Timestamps may be rounded to 0.1 ms, so one measurement covers several runs.
  const times = Math.max(1, Math.ceil(timing.sampleMilliseconds / ms.median));
  const kernels = await executable.kernelMilliseconds?.(times);
  executable.close();
  runtime.release([A, B, C]);
  const figures = productFigures(n, ms, largest);
  return kernels === undefined ? figures : { ...figures, kernelMs: kernels / times };
}

async function train(backend, { job, runs, warmUps }) {
  const data = await readDataset(job);
  const test = await readDataset(job, 'test-');
  const { shuffle = false } = job;
  const start = performance.now();
  const losses = await lossesOf(await startTrainer(backend, job), data, job.checkedSteps);
  const coldSeconds = (performance.now() - start) / 1000;
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

/** Number of trained parameters, counted in the files that every candidate reads. */
async function countParameters({ folder, parameterNames }) {
  let count = 0;
  for (const name of parameterNames) count += (await readFloats(folder, name)).length;
  return count;
}
