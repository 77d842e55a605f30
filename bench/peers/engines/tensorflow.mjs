/**
 * TensorFlow.js, whose backends for Node compute before a call returns: there is nothing to await,
 * and results are not read back.
 *
 *   matmul   `tf.matMul` on tensors of the backend; the result is disposed of
 *   train    `optimizer.minimize` on batches that the backend holds already, labels as one-hot rows
 */

import { oneHot, operandShapes, readBatches, readLayers, readOperands } from '../job.mjs';

export async function open({ device, threads }) {
  const tf = await import('@tensorflow/tfjs-core');
  // The core's gradients are registered by packages that build on it; of those, this is the smallest.
  await import('@tensorflow/tfjs-layers');
  const engine = device === 'wasm' ? await startWasm(tf, threads) : await startCpu(tf);
  return { ...engine, matmul: (job) => matmul(tf, job), train: (job) => train(tf, job) };
}

async function startWasm(tf, threads) {
  const { getThreadsCount, setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
  setThreadsCount(threads);
  await start(tf, 'wasm');
  // The count holds for the build with threads only, which Node does not get.
  const hasThreads = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT');
  return {
    threads: hasThreads ? getThreadsCount() : 1,
    build: (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? 'simd' : 'baseline',
    note: hasThreads ? undefined : 'WASM_HAS_MULTITHREAD_SUPPORT is false in Node',
  };
}

async function startCpu(tf) {
  await import('@tensorflow/tfjs-backend-cpu');
  await start(tf, 'cpu');
  return { threads: 1, build: 'JavaScript' };
}

async function start(tf, backend) {
  if (!(await tf.setBackend(backend)))
    throw new Error(`tf.setBackend('${backend}') returned false`);
  await tf.ready();
}

async function matmul(tf, job) {
  const { transposeA, transposeB, shapeA, shapeB } = operandShapes(job);
  const { a, b } = await readOperands(job);
  const [A, B] = [tf.tensor2d(a, shapeA), tf.tensor2d(b, shapeB)];
  const multiply = () => tf.matMul(A, B, transposeA, transposeB);
  return {
    result: multiply().dataSync(),
    run(times) {
      for (let i = 0; i < times; i++) multiply().dispose();
    },
  };
}

async function train(tf, job) {
  const batches = await createBatches(tf, job);
  const parameters = await createParameters(tf, job);
  const optimizer = tf.train.sgd(job.learningRate);
  const lossOf = ({ x, t }) => tf.losses.softmaxCrossEntropy(t, forward(tf, parameters, x));
  const step = (batch, wanted) => optimizer.minimize(() => lossOf(batch), wanted);
  const first = batches.slice(0, job.checkedSteps);
  return {
    result: first.map((batch) => step(batch, true).dataSync()[0]),
    run(times) {
      for (let i = 0; i < times; i++) for (const batch of batches) step(batch, false);
    },
  };
}

function forward(tf, parameters, x) {
  return parameters.reduce((values, { W, b }, i) => {
    const y = tf.add(tf.matMul(values, W), b);
    return i < parameters.length - 1 ? tf.relu(y) : y;
  }, x);
}

async function createBatches(tf, job) {
  const classes = job.layers.at(-1);
  return (await readBatches(job)).map(({ inputs, labels }) => ({
    x: tf.tensor2d(inputs, [job.batch, job.layers[0]]),
    t: tf.tensor2d(oneHot(labels, classes), [job.batch, classes]),
  }));
}

async function createParameters(tf, job) {
  return (await readLayers(job)).map(({ inputs, outputs, weight, bias }) => ({
    W: tf.variable(tf.tensor2d(weight, [inputs, outputs])),
    b: tf.variable(tf.tensor1d(bias)),
  }));
}
