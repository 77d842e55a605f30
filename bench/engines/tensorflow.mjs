/**
 * TensorFlow.js on the CPU. Its backends compute before a call returns, so nothing is awaited and no
 * result is read back.
 *
 *   matmul   `tf.matMul` on tensors of the backend; the result is disposed of
 *   conv2d   `tf.conv2d`; gradients by their kernels, without the forward pass of `tf.grad`
 *   train    `optimizer.minimize`; batches are on the backend beforehand, labels as one-hot rows
 */

import {
  convolutionShapes,
  oneHot,
  operandShapes,
  permute,
  readBatches,
  readConvolution,
  readLayers,
  readOperands,
} from '../harness/job.mjs';

export async function open({ device, threads }) {
  const tf = await import('@tensorflow/tfjs-core');
  // Packages that build on the core register its gradients; this is the smallest of them.
  await import('@tensorflow/tfjs-layers');
  const engine = device === 'wasm' ? await startWasm(tf, threads) : await startCpu(tf);
  return {
    ...engine,
    matmul: (job) => matmul(tf, job),
    conv2d: (job) => convolution(tf, job),
    train: (job) => train(tf, job),
  };
}

async function startWasm(tf, threads) {
  const { getThreadsCount, setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
  setThreadsCount(threads);
  await start(tf, 'wasm');
  // The thread count applies to the threaded build only, which is not used in Node.
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
  return workloadOf(() => tf.matMul(A, B, transposeA, transposeB));
}

async function convolution(tf, job) {
  const shapes = convolutionShapes(job);
  const operands = await readConvolution(job);
  const x = tf.tensor4d(operands.x, shapes.x);
  const W = tf.tensor4d(operands.W, shapes.W);
  const dy = tf.tensor4d(operands.dy, shapes.y);
  const plain = { strides: 1, pad: 'valid', dataFormat: 'NHWC' };
  const compute = {
    y: () => tf.conv2d(x, W, 1, 'valid'),
    dx: () => tf.conv2dTranspose(dy, W, shapes.x, 1, 'valid'),
    dW: () =>
      tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...plain, filterShape: shapes.W }),
  };
  return workloadOf(compute[job.wanted]);
}

function workloadOf(compute) {
  const first = compute();
  const result = first.dataSync();
  first.dispose();
  return {
    result,
    run(times) {
      for (let i = 0; i < times; i++) compute().dispose();
    },
  };
}

async function train(tf, job) {
  const batches = await createBatches(tf, job);
  const layers = await createLayers(tf, job);
  const optimizer = createOptimizer(tf, job.optimizer);
  const lossOf = ({ x, t }) => tf.losses.softmaxCrossEntropy(t, forward(layers, x));
  const step = (batch, wanted) => optimizer.minimize(() => lossOf(batch), wanted);
  const checked = batches.slice(0, job.checkedSteps);
  const round = batches.slice(0, job.steps);
  return {
    result: checked.map((batch) => step(batch, true).dataSync()[0]),
    run(times) {
      for (let i = 0; i < times; i++) for (const batch of round) step(batch, false);
    },
  };
}

function createOptimizer(tf, { name, learningRate, betas }) {
  if (name === 'sgd') return tf.train.sgd(learningRate);
  return tf.train.adam(learningRate, ...betas, 1e-8);
}

function forward(layers, x) {
  return layers.reduce((values, layer) => layer(values), x);
}

async function createBatches(tf, job) {
  const { batch, features, classes, image } = job;
  // With one channel, channels first and channels last are the same layout.
  const shape = image ? [batch, image.height, image.width, image.channels] : [batch, features];
  return (await readBatches(job)).map(({ inputs, labels }) => ({
    x: tf.tensor(inputs, shape),
    t: tf.tensor2d(oneHot(labels, classes), [batch, classes]),
  }));
}

/** The layers as functions that own their trained variables. */
async function createLayers(tf, job) {
  return (await readLayers(job)).map(({ name, options: { kernel }, weightShape, weight, bias }) => {
    switch (name) {
      case 'linear': {
        const [O, I] = weightShape;
        const W = tf.variable(tf.tensor2d(permute(weight, weightShape, [1, 0]), [I, O]));
        const b = tf.variable(tf.tensor1d(bias));
        return (x) => tf.add(tf.matMul(x, W), b);
      }
      case 'conv2d': {
        const [OC, C, KH, KW] = weightShape;
        const values = permute(weight, weightShape, [2, 3, 1, 0]);
        const W = tf.variable(tf.tensor4d(values, [KH, KW, C, OC]));
        const b = tf.variable(tf.tensor1d(bias));
        return (x) => tf.add(tf.conv2d(x, W, 1, 'valid'), b);
      }
      case 'relu':
        return (x) => tf.relu(x);
      case 'maxPool2d':
        return (x) => tf.maxPool(x, kernel, kernel, 'valid');
      case 'flatten':
        // Channel by channel, the order that the weights of the next linear layer expect.
        return (x) => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1]);
      default:
        throw new Error(`this benchmark does not support ${name} in TensorFlow.js`);
    }
  });
}
