/** What is measured: products C = A·B, and training steps. */

/**
 * @typedef {object} Product
 * @property {'matmul'} subject
 * @property {string} name
 * @property {number} m
 * @property {number} k
 * @property {number} n
 * @property {'NN' | 'TN' | 'NT'} transpose which operands are stored transposed, A's letter first
 *
 * @typedef {object} Training
 * @property {'train'} subject
 * @property {string} name
 * @property {readonly number[]} layers features in, between the layers, and out; ReLU between them
 * @property {number} batch
 * @property {number} learningRate
 *
 * @typedef {Product | Training} Work
 */

export const SUBJECTS = ['matmul', 'train'];

/** @type {readonly Work[]} */
export const WORK = [
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(64, 784, 30),
  // The gradient of the weight in that layer, dW = xᵀ·dy, and of its input, dx = dy·Wᵀ.
  product(784, 64, 30, 'TN'),
  product(64, 30, 784, 'NT'),
  product(64, 784, 128),
  training('softmax', [784, 10], 64),
  training('mlp', [784, 30, 10], 64),
  training('mlp-deep', [784, 100, 100, 10], 32),
];

function product(m, k, n, transpose = 'NN') {
  const suffix = transpose === 'NN' ? '' : `-${transpose}`;
  return { subject: 'matmul', name: `${m}x${k}x${n}${suffix}`, m, k, n, transpose };
}

function training(name, layers, batch) {
  return { subject: 'train', name, layers, batch, learningRate: 0.1 };
}

/** Floating-point operations of one product. */
export function operationsOf({ m, k, n }) {
  return 2 * m * k * n;
}

/** As tables write it. */
export function titleOf(work) {
  if (work.subject === 'matmul') return `${work.m}×${work.k}×${work.n} ${work.transpose}`;
  return `${work.name}: ${work.layers.join('→')}, batch ${work.batch}`;
}
