/**
 * TensorFlow.js on its WebGPU backend, with Dawn in Node. build.mjs bundles this file.
 *
 *   matmul   `tf.matMul` on tensors of the backend; it disposes of the results and waits for the queue
 */

import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { largestError, productFigures, quickRandom, timed } from '../harness/square-product.mjs';

export async function measure({ sizes, timing }) {
  await tf.setBackend('webgpu');
  await tf.ready();
  // An invalid command takes no time, so a validation error must fail the measurement.
  const errors = [];
  tf.backend().device.onuncapturederror = ({ error }) => errors.push(error.message);
  const products = [];
  for (const n of sizes) products.push(await product(n, timing));
  if (errors.length > 0) throw new Error(errors[0]);
  return { build: `TensorFlow.js ${tf.version_core}`, products };
}

async function product(n, timing) {
  const [a, b] = [quickRandom(n * n, 1), quickRandom(n * n, 2)];
  const [A, B] = [tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])];
  const C = tf.matMul(A, B);
  const largest = largestError(a, b, await C.data(), n);
  C.dispose();
  const ms = await timed(async (times) => {
    for (let i = 0; i < times; i++) tf.matMul(A, B).dispose();
    const backend = tf.backend();
    backend.endComputePassEncoder();
    // The backend has submitted by itself after every 15th dispatch.
    if (backend.commandEncoder) backend.submitQueue();
    await backend.queue.onSubmittedWorkDone();
  }, timing);
  tf.dispose([A, B]);
  return productFigures(n, ms, largest);
}
