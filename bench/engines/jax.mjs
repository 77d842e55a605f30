/**
 * jax-js. Arrays are reference-counted: a call consumes its arguments unless they are passed as
 * `.ref`. Computation is lazy, so every product and step is awaited; with results in WASM memory
 * that costs one turn of the microtask queue.
 *
 *   matmul   a jitted `matmul`; operands stay on the device, the result is disposed of
 *   conv2d   a jitted `lax.conv`, channels first; its gradients are jitted `grad`s of ⟨y, dy⟩, and
 *            the compiler removes the unused y
 *   train    gradient and update in one jitted function (faster than a jitted gradient with a
 *            separate update); batches are on the device beforehand, labels as one-hot rows
 */

import {
  oneHot,
  operandShapes,
  permute,
  readBatches,
  readConvolutionChannelsFirst,
  readLayers,
  readOperands,
  withChannelsLast,
} from '../harness/job.mjs';

export async function open({ device }) {
  const jax = await import('@jax-js/jax');
  // A device is named because the search for all devices reads `navigator`, which Node 20 lacks.
  const devices = await jax.init(device);
  if (!devices.includes(device)) {
    throw new Error(`jax.init('${device}') found: ${devices.join(', ')}`);
  }
  jax.defaultDevice(device);
  return {
    ...threadsOf(device),
    build: device === 'wasm' ? 'generated' : 'interpreter',
    matmul: (job) => matmul(jax, job),
    conv2d: (job) => convolution(jax, job),
    train: (job) => train(jax, job),
  };
}

/** The engine starts one Web Worker per core, if there are Workers; the number cannot be set. */
function threadsOf(device) {
  if (device !== 'wasm') return { threads: 1 };
  if (typeof Worker === 'undefined') {
    return { threads: 1, note: 'it needs a global Worker, which Node lacks' };
  }
  return { threads: navigator.hardwareConcurrency, note: 'it uses one thread per core' };
}

async function matmul({ jit, numpy: np }, job) {
  const { transposeA, transposeB, shapeA, shapeB } = operandShapes(job);
  const { a, b } = await readOperands(job);
  const [A, B] = [np.array(a, { shape: shapeA }), np.array(b, { shape: shapeB })];
  const multiply = jit((A, B) =>
    np.matmul(transposeA ? np.transpose(A) : A, transposeB ? np.transpose(B) : B),
  );
  return workloadOf(() => multiply(A.ref, B.ref));
}

async function convolution({ jit, grad, lax, numpy: np }, job) {
  const { shapes, ...operands } = await readConvolutionChannelsFirst(job);
  const x = np.array(operands.x, { shape: shapes.x });
  const W = np.array(operands.W, { shape: shapes.W });
  const dy = np.array(operands.dy, { shape: shapes.y });
  const convolve = (x, W) => lax.conv(x, W, [1, 1], 'VALID');
  const gradient = (argnums) => jit(grad((x, W, dy) => convolve(x, W).mul(dy).sum(), { argnums }));
  const [forward, inputGradient, weightGradient] = [jit(convolve), gradient(0), gradient(1)];
  const compute = {
    y: () => forward(x.ref, W.ref),
    dx: () => inputGradient(x.ref, W.ref, dy.ref),
    dW: () => weightGradient(x.ref, W.ref, dy.ref),
  };
  const workload = await workloadOf(compute[job.wanted]);
  return { ...workload, result: withChannelsLast(job, workload.result) };
}

async function workloadOf(compute) {
  return {
    result: await compute().data(),
    async run(times) {
      for (let i = 0; i < times; i++) {
        const result = compute();
        await result.blockUntilReady();
        result.dispose();
      }
    },
  };
}

async function train(jax, job) {
  const batches = await createBatches(jax, job);
  const layers = await readLayers(job);
  const rule = OPTIMIZERS[job.optimizer.name](jax, job.optimizer);
  const update = createUpdate(jax, job, layers, rule);
  let parameters = createParameters(jax, layers);
  let moments = jax.tree.map(rule.moments, parameters);
  let count = 0;
  /** Updates the parameters; returns the loss before. */
  const step = async ({ x, t }) => {
    const corrections = rule.corrections(++count);
    const [updated, loss] = update(parameters, moments, corrections, x.ref, t.ref);
    [parameters, moments] = await jax.blockUntilReady(updated);
    return loss;
  };
  const result = [];
  for (const batch of batches.slice(0, job.checkedSteps)) {
    result.push((await (await step(batch)).data())[0]);
  }
  const round = batches.slice(0, job.steps);
  return {
    result,
    async run(times) {
      for (let i = 0; i < times; i++) for (const batch of round) (await step(batch)).dispose();
    },
  };
}

/** (parameters, moments, corrections, x, t) → [[parameters, moments], loss], compiled. */
function createUpdate(jax, { batch }, layers, rule) {
  const { jit, nn, tree, valueAndGrad } = jax;
  const lossOf = (parameters, x, t) =>
    nn
      .logSoftmax(forward(jax, layers, parameters, x))
      .mul(t)
      .sum()
      .mul(-1 / batch);
  return jit((parameters, moments, corrections, x, t) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), x, t);
    const updated = parameters.map(({ W, b }, i) => [
      rule.update(W, moments[i].W, gradients[i].W, corrections),
      rule.update(b, moments[i].b, gradients[i].b, corrections),
    ]);
    tree.dispose(corrections);
    const pick = (part) => updated.map(([W, b]) => ({ W: W[part], b: b[part] }));
    return [[pick('parameter'), pick('moments')], loss];
  });
}

/** PyTorch's formulas, as functions that are compiled together with the gradient. */
const OPTIMIZERS = {
  sgd: (_, { learningRate }) => ({
    moments: () => ({}),
    corrections: () => ({}),
    update: (w, moments, dw) => ({ parameter: w.sub(dw.mul(learningRate)), moments }),
  }),
  adam: ({ numpy: np }, { learningRate, betas: [beta1, beta2] }) => ({
    moments: (w) => ({ mean: np.zeros(w.shape), square: np.zeros(w.shape) }),
    corrections: (count) => ({
      mean: np.array(1 - beta1 ** count),
      square: np.array(1 - beta2 ** count),
    }),
    update(w, moments, dw, corrections) {
      const mean = moments.mean.mul(beta1).add(dw.ref.mul(1 - beta1));
      const square = moments.square.mul(beta2).add(np.square(dw).mul(1 - beta2));
      const numerator = mean.ref.div(corrections.mean.ref).mul(learningRate);
      const denominator = np.sqrt(square.ref.div(corrections.square.ref)).add(1e-8);
      return { parameter: w.sub(numerator.div(denominator)), moments: { mean, square } };
    },
  }),
};

/** Applies all layers to images (B, C, H, W) or rows. `parameters` has those of layers with weights. */
function forward({ lax, nn, numpy: np }, layers, parameters, x) {
  const remaining = [...parameters];
  return layers.reduce((values, { name, options: { kernel } }) => {
    switch (name) {
      case 'linear': {
        const { W, b } = remaining.shift();
        return np.dot(values, W).add(b);
      }
      case 'conv2d': {
        const { W, b } = remaining.shift();
        return lax.conv(values, W, [1, 1], 'VALID').add(b.reshape([1, -1, 1, 1]));
      }
      case 'relu':
        return nn.relu(values);
      case 'maxPool2d':
        return lax.reduceWindow(values, np.max, [kernel, kernel], [kernel, kernel]);
      case 'flatten':
        return values.reshape([values.shape[0], -1]);
      default:
        throw new Error(`this benchmark does not support ${name} in jax-js`);
    }
  }, x);
}

async function createBatches({ numpy: np }, job) {
  const { batch, features, classes, image } = job;
  const shape = image ? [batch, image.channels, image.height, image.width] : [batch, features];
  return (await readBatches(job)).map(({ inputs, labels }) => ({
    x: np.array(inputs, { shape }),
    t: np.array(oneHot(labels, classes), { shape: [batch, classes] }),
  }));
}

/** Weights (I, O) of linear layers, (OC, C, KH, KW) of convolutions. */
function createParameters({ numpy: np }, layers) {
  return layers
    .filter(({ weight }) => weight)
    .map(({ name, weightShape, weight, bias }) => {
      const b = np.array(bias);
      if (name === 'conv2d') return { W: np.array(weight, { shape: weightShape }), b };
      const W = permute(weight, weightShape, [1, 0]);
      return { W: np.array(W, { shape: weightShape.toReversed() }), b };
    });
}
