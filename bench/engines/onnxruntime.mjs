/**
 * onnxruntime-web.
 *
 *   matmul   a model of one Gemm. Both operands are constants of the model, so nothing is copied
 *            in, and B is packed for the kernel once, when the session is created. This is the best
 *            case; in training, weights change. Graph optimisations are off, because constant
 *            folding would compute the product only once. `run` copies the result to JavaScript's
 *            memory; that copy is part of every call.
 *   conv2d   the same with a Conv, or a ConvTranspose for the input gradient; no operator computes
 *            the weight gradient
 *   train    the package has no training since 1.20.
 */

import {
  operandShapes,
  readConvolutionChannelsFirst,
  readOperands,
  withChannelsLast,
} from '../harness/job.mjs';
import { encodeModel, encodeProduct } from './onnx.mjs';

export async function open({ device, threads }) {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  // The engine reports its number of threads only after it has started.
  await createSession(ort, device, tinyProduct());
  return {
    threads: ort.env.wasm.numThreads,
    build: 'simd-threaded',
    matmul: (job) => matmul(ort, device, job),
    conv2d: (job) => convolution(ort, device, job),
    train,
  };
}

async function matmul(ort, device, job) {
  const model = encodeProduct(job, operandShapes(job), await readOperands(job));
  return workloadOf(await createSession(ort, device, model));
}

async function convolution(ort, device, job) {
  const model = encodeConvolution(job.wanted, await readConvolutionChannelsFirst(job));
  const workload = await workloadOf(await createSession(ort, device, model));
  return { ...workload, result: withChannelsLast(job, workload.result) };
}

function encodeConvolution(wanted, { x, W, dy, shapes }) {
  switch (wanted) {
    case 'y': {
      const constants = { x: [shapes.x, x], W: [shapes.W, W] };
      return encodeModel({ operator: 'Conv', constants, shape: shapes.y });
    }
    case 'dx': {
      const constants = { dy: [shapes.y, dy], W: [shapes.W, W] };
      return encodeModel({ operator: 'ConvTranspose', constants, shape: shapes.x });
    }
    default:
      throw new Error("no operator of ONNX computes the gradient of a convolution's weight");
  }
}

async function workloadOf(session) {
  const { result } = await session.run({});
  return {
    result: result.data,
    async run(times) {
      for (let i = 0; i < times; i++) await session.run({});
    },
  };
}

/** Imports the training module; fails with the import's error, which names what is missing. */
async function train() {
  await import('onnxruntime-web/training');
  throw new Error(
    'onnxruntime-web: this version has training, which this benchmark does not support',
  );
}

function createSession(ort, device, model) {
  const options = { executionProviders: [device], graphOptimizationLevel: 'disabled' };
  return ort.InferenceSession.create(model, options);
}

function tinyProduct() {
  const sizes = { m: 1, k: 1, n: 1, transpose: 'NN' };
  const one = Float32Array.of(1);
  return encodeProduct(sizes, operandShapes(sizes), { a: one, b: one });
}
