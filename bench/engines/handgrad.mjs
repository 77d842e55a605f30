/**
 * handgrad on the CPU.
 *
 *   matmul   the compiled product runs n times; operands and result stay in WASM memory. This is
 *            what `handgrad bench matmul` times.
 *   conv2d   the same for one convolution or gradient, channels last, without bias
 *   train    `Trainer.fit`, an epoch per round. It does more than the other engines: it shuffles,
 *            gathers and normalises every batch from bytes, and checks every loss.
 *   epoch    a new `Trainer` with the initial weights, and its `fit`
 */

import { createBackend, Step, Tensor } from '../../dist/index.js';
import { conv2dOps, matmulOps } from '../../dist/ops.js';
import {
  convolutionShapes,
  operandShapes,
  readConvolution,
  readOperands,
} from '../harness/job.mjs';
import { lossesOf, readDataset, startTrainer } from './handgrad-training.mjs';

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

/** y, dx or dW of a convolution in float64. */
export async function convolveExactly(job, operands) {
  const backend = await createBackend('reference', { precision: 'float64' });
  const { result } = await convolution(backend, job, operands);
  await backend.close();
  return result;
}

async function matmul({ runtime }, job) {
  const { transposeA, transposeB, shapeA, shapeB } = operandShapes(job);
  const A = new Tensor('A', shapeA, 'persistent');
  const B = new Tensor('B', shapeB, 'persistent');
  const C = new Tensor('C', [job.m, job.n], 'persistent');
  const step = new Step();
  const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
  step.call(matmulOps.matmul, { A, B }, { attributes, into: { C } });
  const executable = await runtime.compile(step);
  const { a, b } = await readOperands(job);
  runtime.write(A, a);
  runtime.write(B, b);
  await executable.run(1);
  return { result: await runtime.read(C), run: (times) => runToEnd(executable, runtime, times) };
}

/** A GPU may still compute when `run` resolves. */
async function runToEnd(executable, runtime, times) {
  await executable.run(times);
  await runtime.finish();
}

/** For each result, the op that computes it and the tensors that the op reads. */
const CONVOLUTION_CALLS = {
  y: [conv2dOps.conv2dForward, 'x', 'W'],
  dx: [conv2dOps.conv2dBackwardInput, 'dy', 'W'],
  dW: [conv2dOps.conv2dBackwardWeight, 'x', 'dy'],
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

async function convolution({ runtime }, job, operands) {
  const { x, y, W } = convolutionShapes(job);
  const shapes = { x, y, W, dx: x, dy: y, dW: W };
  const [op, ...inputs] = CONVOLUTION_CALLS[job.wanted];
  const tensors = Object.fromEntries(
    [job.wanted, ...inputs].map((name) => [name, new Tensor(name, shapes[name], 'persistent')]),
  );
  const step = new Step();
  step.call(op, pick(tensors, inputs), {
    attributes: PLAIN,
    into: pick(tensors, [job.wanted]),
  });
  const executable = await runtime.compile(step);
  for (const name of inputs) runtime.write(tensors[name], operands[name]);
  await executable.run(1);
  return {
    result: await runtime.read(tensors[job.wanted]),
    run: (times) => runToEnd(executable, runtime, times),
  };
}

function pick(tensors, names) {
  return Object.fromEntries(names.map((name) => [name, tensors[name]]));
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
