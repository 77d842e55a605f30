/**
 * jax-js. Arrays are counted references: a call takes its arguments away unless they are passed as
 * `.ref`. Work is put off until somebody waits for it, so every product and step is awaited; with
 * results in WASM memory that costs a turn of the microtask queue.
 *
 *   matmul   a jitted `matmul`, operands on the device, the result disposed of
 *   train    gradient and update in one jitted function (faster than a jitted gradient with the
 *            update outside), on batches that the device holds already, labels as one-hot rows
 */

import { oneHot, operandShapes, readBatches, readLayers, readOperands } from '../job.mjs';

export async function open({ device }) {
  const jax = await import('@jax-js/jax');
  // Named, since to look for all devices it reads `navigator`, which Node 20 does not have.
  const devices = await jax.init(device);
  if (!devices.includes(device)) {
    throw new Error(`jax.init('${device}') found: ${devices.join(', ')}`);
  }
  jax.defaultDevice(device);
  return {
    ...threadsOf(device),
    build: device === 'wasm' ? 'generated' : 'interpreter',
    matmul: (job) => matmul(jax, job),
    train: (job) => train(jax, job),
  };
}

/** It starts a Web Worker per core where there are any; their number cannot be asked for. */
function threadsOf(device) {
  if (device !== 'wasm') return { threads: 1 };
  if (typeof Worker === 'undefined') {
    return { threads: 1, note: 'it needs a global Worker, which Node lacks' };
  }
  return { threads: navigator.hardwareConcurrency, note: 'it takes as many as there are cores' };
}

async function matmul({ jit, numpy: np }, job) {
  const { transposeA, transposeB, shapeA, shapeB } = operandShapes(job);
  const { a, b } = await readOperands(job);
  const [A, B] = [np.array(a, { shape: shapeA }), np.array(b, { shape: shapeB })];
  const multiply = jit((A, B) =>
    np.matmul(transposeA ? np.transpose(A) : A, transposeB ? np.transpose(B) : B),
  );
  return {
    result: await multiply(A.ref, B.ref).data(),
    async run(times) {
      for (let i = 0; i < times; i++) {
        const C = multiply(A.ref, B.ref);
        await C.blockUntilReady();
        C.dispose();
      }
    },
  };
}

async function train(jax, job) {
  const batches = await createBatches(jax, job);
  const update = createUpdate(jax, job);
  let parameters = await createParameters(jax, job);
  /** Updates the parameters; returns the loss before. */
  const step = async ({ x, t }) => {
    const [updated, loss] = update(parameters, x.ref, t.ref);
    parameters = await jax.blockUntilReady(updated);
    return loss;
  };
  const result = [];
  for (const batch of batches.slice(0, job.checkedSteps)) {
    result.push((await (await step(batch)).data())[0]);
  }
  return {
    result,
    async run(times) {
      for (let i = 0; i < times; i++) for (const batch of batches) (await step(batch)).dispose();
    },
  };
}

/** (parameters, x, t) → [parameters, loss], compiled. */
function createUpdate({ jit, nn, numpy: np, tree, valueAndGrad }, { batch, learningRate }) {
  const forward = (parameters, x) =>
    parameters.reduce((values, { W, b }, i) => {
      const y = np.dot(values, W).add(b);
      return i < parameters.length - 1 ? nn.relu(y) : y;
    }, x);
  const lossOf = (parameters, x, t) =>
    nn
      .logSoftmax(forward(parameters, x))
      .mul(t)
      .sum()
      .mul(-1 / batch);
  return jit((parameters, x, t) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), x, t);
    const updated = parameters.map(({ W, b }, i) => ({
      W: W.sub(gradients[i].W.mul(learningRate)),
      b: b.sub(gradients[i].b.mul(learningRate)),
    }));
    return [updated, loss];
  });
}

async function createBatches({ numpy: np }, job) {
  const classes = job.layers.at(-1);
  return (await readBatches(job)).map(({ inputs, labels }) => ({
    x: np.array(inputs, { shape: [job.batch, job.layers[0]] }),
    t: np.array(oneHot(labels, classes), { shape: [job.batch, classes] }),
  }));
}

async function createParameters({ numpy: np }, job) {
  return (await readLayers(job)).map(({ inputs, outputs, weight, bias }) => ({
    W: np.array(weight, { shape: [inputs, outputs] }),
    b: np.array(bias),
  }));
}
