/**
 * TensorFlow.js on its WebGPU backend, over Dawn, as it runs in Node. Bundled by bundle.mjs.
 *
 *   matmul   `tf.matMul` on tensors of the backend; results are disposed of, and the queue is
 *            waited for
 */

import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { largestError, productFigures, randomReals, timed } from '../products.mjs';

export async function measure({ sizes, patience }) {
  await tf.setBackend('webgpu');
  await tf.ready();
  // What the GPU refuses takes no time, so it must not go unnoticed.
  const refused = [];
  tf.backend().device.onuncapturederror = ({ error }) => refused.push(error.message);
  const products = [];
  for (const n of sizes) products.push(await product(n, patience));
  if (refused.length > 0) throw new Error(refused[0]);
  return { build: `TensorFlow.js ${tf.version_core}`, products };
}

async function product(n, patience) {
  const [a, b] = [randomReals(n * n, 1), randomReals(n * n, 2)];
  const [A, B] = [tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])];
  const C = tf.matMul(A, B);
  const largest = largestError(a, b, await C.data(), n);
  C.dispose();
  const ms = await timed(async (times) => {
    for (let i = 0; i < times; i++) tf.matMul(A, B).dispose();
    const backend = tf.backend();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.queue.onSubmittedWorkDone();
  }, patience);
  tf.dispose([A, B]);
  return productFigures(n, ms, largest);
}
