/**
 * onnxruntime-web.
 *
 *   matmul   a model of one Gemm. Both operands are constants of the model, so that nothing is
 *            copied in, and B is packed for the kernel only once, when the session is made: the best
 *            case, which holds for inference but not for training, where weights change. Graph
 *            optimisations are off, or the product would be computed once and remembered. `run`
 *            resolves with the result in JavaScript's memory; that copy is part of every call.
 *   conv2d   the same with a Conv, or a ConvTranspose for the input's gradient; no operator computes
 *            the weight's
 *   train    the package has carried no training since 1.20.
 */

import {
  operandShapes,
  readConvolutionChannelsFirst,
  readOperands,
  withChannelsLast,
} from '../job.mjs';
import { encodeModel, encodeProduct } from './onnx.mjs';

export async function open({ device, threads }) {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  // Starting the engine is what shows whether it has its threads.
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
  return runnerOf(await createSession(ort, device, model));
}

async function convolution(ort, device, job) {
  const model = encodeConvolution(job.wanted, await readConvolutionChannelsFirst(job));
  const runner = await runnerOf(await createSession(ort, device, model));
  return { ...runner, result: withChannelsLast(job, runner.result) };
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

async function runnerOf(session) {
  const { result } = await session.run({});
  return {
    result: result.data,
    async run(times) {
      for (let i = 0; i < times; i++) await session.run({});
    },
  };
}

/** Asks for what training needs; the error that comes says better than we could what is missing. */
async function train() {
  await import('onnxruntime-web/training');
  throw new Error(
    'onnxruntime-web: this version has training, which this benchmark does not drive',
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
