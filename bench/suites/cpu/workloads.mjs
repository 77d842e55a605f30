/** The workloads of the CPU suite: products C = A·B, convolutions, training steps, and an epoch. */

import { windowCount } from '../../../dist/bench/library.mjs';
import { RECIPES } from '../../../dist/index.js';
import { modelOf, optimizerOf } from '../../harness/models.mjs';

/**
 * @typedef {object} Product
 * @property {'matmul'} subject
 * @property {string} name
 * @property {number} m
 * @property {number} k
 * @property {number} n
 * @property {'NN' | 'TN' | 'NT'} transpose which operands are stored transposed; A's letter first
 *
 * @typedef {object} Convolution
 * @property {'conv2d'} subject
 * @property {string} name
 * @property {'y' | 'dx' | 'dW'} wanted forward pass, or gradient of the input or of the weight
 * @property {number} batch
 * @property {number} extent height and width of the image
 * @property {number} channels input channels
 * @property {number} outputs output channels
 * @property {number} kernel height and width of the window
 *
 * @typedef {object} Training
 * @property {'train' | 'epoch'} subject
 * @property {string} name
 * @property {string} summary of the model, for tables
 * @property {import('../../harness/models.mjs').Description} model
 * @property {readonly import('../../harness/models.mjs').Description[]} layers of the model, in order
 * @property {{ channels: number, height: number, width: number }} [image] shape of an example,
 *   channel by channel, for a model of images
 * @property {number} features numbers per example
 * @property {number} classes
 * @property {number} batch
 * @property {ReturnType<typeof optimizerOf>} optimizer
 * @property {number} steps per round; for an epoch, all of its steps
 * @property {number} checkedSteps steps whose losses are verified with the slow reference
 * @property {readonly string[]} [engines] the only engines that take part; all by default
 * @property {number} [threads] the only number of threads; one and two by default
 *
 * @typedef {Product | Convolution | Training} Workload
 */

export const SUBJECTS = ['matmul', 'conv2d', 'train', 'epoch'];

const DIGITS = { features: 784, classes: 10 };
const PAIR = ['handgrad', 'pytorch'];

/** @type {readonly Workload[]} */
export const WORKLOADS = [
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(64, 784, 30),
  // The gradients of that layer: dW = xᵀ·dy and dx = dy·Wᵀ.
  product(784, 64, 30, 'TN'),
  product(64, 30, 784, 'NT'),
  product(64, 784, 128),
  convolution('y'),
  convolution('dx'),
  convolution('dW'),
  training('softmax', { steps: 100, checkedSteps: 5 }),
  training('mlp', { steps: 100, checkedSteps: 5 }),
  training('mlp-deep', { steps: 100, checkedSteps: 5 }),
  training('conv', {
    summary: 'two convolutions, without dropout',
    steps: 20,
    checkedSteps: 3,
  }),
  training('conv-fast', {
    summary: 'two convolutions, Adam',
    steps: 10,
    checkedSteps: 3,
  }),
  training('resnet18', {
    summary: 'ResNet-18, Adam',
    optimizer: optimizerOf('resnet18', 1e-4),
    steps: 10,
    checkedSteps: 2,
    engines: PAIR,
  }),
  {
    ...training('conv-fast', {
      summary: 'conv-fast on MNIST, one cycle of learning rates',
      optimizer: optimizerOf('conv-fast'),
      steps: 235,
      checkedSteps: 2,
      engines: PAIR,
      threads: 2,
    }),
    subject: 'epoch',
    name: 'conv-fast-epoch',
  },
];

function product(m, k, n, transpose = 'NN') {
  const suffix = transpose === 'NN' ? '' : `-${transpose}`;
  return { subject: 'matmul', name: `${m}x${k}x${n}${suffix}`, m, k, n, transpose };
}

/** The second convolution of the recipe `conv`. */
function convolution(wanted) {
  const sizes = { batch: 32, extent: 13, channels: 32, outputs: 64, kernel: 3 };
  return { subject: 'conv2d', name: `conv2d-${wanted}`, wanted, ...sizes };
}

/** Model, batch size and optimizer of a recipe, with a constant learning rate by default. */
function training(recipe, settings) {
  const { batchSize, learningRate } = RECIPES[recipe];
  const model = modelOf(recipe);
  return {
    subject: 'train',
    name: recipe,
    summary: widthsOf(model.layers),
    ...model,
    ...DIGITS,
    batch: batchSize,
    optimizer: optimizerOf(recipe, learningRate),
    ...settings,
  };
}

/** `784→30→10`, for a model of linear layers. */
function widthsOf(layers) {
  const linears = layers.filter(({ name }) => name === 'linear').map(({ options }) => options);
  return [linears[0]?.inputs, ...linears.map(({ outputs }) => outputs)].join('→');
}

/** Floating-point operations of one product or convolution. */
export function operationsOf(workload) {
  if (workload.subject === 'matmul') return 2 * workload.m * workload.k * workload.n;
  const { batch, extent, channels, outputs, kernel } = workload;
  const outputExtent = windowCount(extent, kernel, 1, 0);
  return 2 * batch * outputExtent ** 2 * kernel ** 2 * channels * outputs;
}

const CONVOLUTION_TITLES = {
  y: 'y, forward',
  dx: 'dx, input gradient',
  dW: 'dW, weight gradient',
};

/** The row title of a workload in tables. */
export function titleOf(workload) {
  const { subject, name, summary, batch } = workload;
  if (subject === 'matmul') {
    return `${workload.m}×${workload.k}×${workload.n} ${workload.transpose}`;
  }
  if (subject === 'conv2d') return CONVOLUTION_TITLES[workload.wanted];
  return `${name}: ${summary}, batch ${batch}`;
}
