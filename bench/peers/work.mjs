/** What is measured: products C = A·B, convolutions, training steps, and a whole epoch. */

/**
 * A layer of a model: what it is, and the arguments of handgrad's function of that name. Those of
 * `residual` are the layers of its body and of its shortcut.
 *
 * @typedef {readonly [kind: string, ...args: any[]]} Layer
 *
 * @typedef {object} Product
 * @property {'matmul'} subject
 * @property {string} name
 * @property {number} m
 * @property {number} k
 * @property {number} n
 * @property {'NN' | 'TN' | 'NT'} transpose which operands are stored transposed, A's letter first
 *
 * @typedef {object} Convolution
 * @property {'conv2d'} subject
 * @property {string} name
 * @property {'y' | 'dx' | 'dW'} wanted forward, or the gradient of the input or of the weight
 * @property {number} batch
 * @property {number} extent height and width of the image
 * @property {number} channels that come in
 * @property {number} outputs channels that go out
 * @property {number} kernel height and width of the window
 *
 * @typedef {object} Training
 * @property {'train' | 'epoch'} subject
 * @property {string} name
 * @property {string} summary of the model, for tables
 * @property {readonly Layer[]} layers
 * @property {number} features numbers per example
 * @property {number} classes
 * @property {{ channels: number, height: number, width: number }} [image] what those numbers are,
 *   channel by channel, for a model of images
 * @property {number} batch
 * @property {{ name: 'sgd' | 'adam', learningRate: number, betas?: readonly number[],
 *   oneCycle?: true }} optimizer with one cycle of learning rates up to `learningRate`, or always that
 * @property {number} steps in a round; of an epoch, those in it
 * @property {number} checkedSteps whose losses are compared: the reference computes these, slowly
 * @property {readonly string[]} [engines] who is asked, if not all
 * @property {number} [threads] on how many only, if not on one and two
 *
 * @typedef {Product | Convolution | Training} Work
 */

export const SUBJECTS = ['matmul', 'conv2d', 'train', 'epoch'];

const DIGIT = { channels: 1, height: 28, width: 28 };
const DIGITS = { features: 784, classes: 10 };

/** The recipe without its dropout, since each engine would draw masks of its own. */
const CONV = [
  ['conv2d', 1, 32, 3],
  ['relu'],
  ['maxPool2d', 2],
  ['conv2d', 32, 64, 3],
  ['relu'],
  ['maxPool2d', 2],
  ['flatten'],
  ['linear', 1600, 128],
  ['relu'],
  ['linear', 128, 10],
];

const CONV_FAST = [
  ['conv2d', 1, 24, 5],
  ['maxPool2d', 2],
  ['relu'],
  ['conv2d', 24, 32, 3],
  ['maxPool2d', 2],
  ['relu'],
  ['flatten'],
  ['linear', 800, 256],
  ['relu'],
  ['linear', 256, 10],
];

const RESNET18 = [
  ['conv2d', 1, 64, 7, { stride: 2, padding: 3, bias: false }],
  ['batchNorm2d', 64],
  ['relu'],
  ['maxPool2d', 3, { stride: 2, padding: 1 }],
  ...residualStage(64, 64, 1),
  ...residualStage(64, 128, 2),
  ...residualStage(128, 256, 2),
  ...residualStage(256, 512, 2),
  ['globalAveragePool'],
  ['linear', 512, 10],
];

const CONV_FAST_ADAM = { name: 'adam', learningRate: 0.01, betas: [0.7, 0.9] };
const PAIR = ['handgrad', 'pytorch'];

/** @type {readonly Work[]} */
export const WORK = [
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(64, 784, 30),
  // The gradient of the weight in that layer, dW = xᵀ·dy, and of its input, dx = dy·Wᵀ.
  product(784, 64, 30, 'TN'),
  product(64, 30, 784, 'NT'),
  product(64, 784, 128),
  convolution('y'),
  convolution('dx'),
  convolution('dW'),
  perceptron('softmax', [784, 10], 64),
  perceptron('mlp', [784, 30, 10], 64),
  perceptron('mlp-deep', [784, 100, 100, 10], 32),
  training('conv', {
    summary: 'two convolutions, without dropout',
    layers: CONV,
    batch: 32,
    optimizer: { name: 'sgd', learningRate: 0.1 },
    steps: 20,
    checkedSteps: 3,
  }),
  training('conv-fast', {
    summary: 'two convolutions, Adam',
    layers: CONV_FAST,
    batch: 256,
    optimizer: CONV_FAST_ADAM,
    steps: 10,
    checkedSteps: 3,
  }),
  training('resnet18', {
    summary: 'ResNet-18, Adam',
    layers: RESNET18,
    batch: 64,
    optimizer: { name: 'adam', learningRate: 1e-4, betas: [0.9, 0.999] },
    steps: 10,
    checkedSteps: 2,
    engines: PAIR,
  }),
  {
    ...training('conv-fast-epoch', {
      summary: 'conv-fast on MNIST, one cycle of learning rates',
      layers: CONV_FAST,
      batch: 256,
      optimizer: { ...CONV_FAST_ADAM, oneCycle: true },
      steps: 235,
      checkedSteps: 2,
      engines: PAIR,
      threads: 2,
    }),
    subject: 'epoch',
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

function perceptron(name, widths, batch) {
  const [first, ...others] = widths.slice(1).map((width, i) => ['linear', widths[i], width]);
  return {
    subject: 'train',
    name,
    summary: widths.join('→'),
    layers: [first, ...others.flatMap((layer) => [['relu'], layer])],
    ...DIGITS,
    batch,
    optimizer: { name: 'sgd', learningRate: 0.1 },
    steps: 100,
    checkedSteps: 5,
  };
}

function training(name, settings) {
  return { subject: 'train', name, ...DIGITS, image: DIGIT, ...settings };
}

/** Two residual blocks, the first of which may halve the image. */
function residualStage(inputs, outputs, stride) {
  return [...residualBlock(inputs, outputs, stride), ...residualBlock(outputs, outputs, 1)];
}

function residualBlock(inputs, outputs, stride) {
  const body = [
    ['conv2d', inputs, outputs, 3, { stride, padding: 1, bias: false }],
    ['batchNorm2d', outputs],
    ['relu'],
    ['conv2d', outputs, outputs, 3, { padding: 1, bias: false }],
    ['batchNorm2d', outputs],
  ];
  if (stride === 1 && inputs === outputs) return [['residual', body], ['relu']];
  const shortcut = [
    ['conv2d', inputs, outputs, 1, { stride, bias: false }],
    ['batchNorm2d', outputs],
  ];
  return [['residual', body, shortcut], ['relu']];
}

/** Floating-point operations of one product or convolution. */
export function operationsOf(work) {
  if (work.subject === 'matmul') return 2 * work.m * work.k * work.n;
  const { batch, extent, channels, outputs, kernel } = work;
  return 2 * batch * (extent - kernel + 1) ** 2 * kernel ** 2 * channels * outputs;
}

/** Products in the sum that one element of the result is. */
export function termsOf(work) {
  if (work.subject === 'matmul') return work.k;
  const { wanted, batch, extent, channels, outputs, kernel } = work;
  const terms = {
    y: kernel ** 2 * channels,
    dx: kernel ** 2 * outputs,
    dW: batch * (extent - kernel + 1) ** 2,
  };
  return terms[wanted];
}

const CONVOLUTION_TITLES = {
  y: 'y, forward',
  dx: "dx, the input's gradient",
  dW: "dW, the weight's gradient",
};

/** As tables write it. */
export function titleOf(work) {
  if (work.subject === 'matmul') return `${work.m}×${work.k}×${work.n} ${work.transpose}`;
  if (work.subject === 'conv2d') return CONVOLUTION_TITLES[work.wanted];
  return `${work.name}: ${work.summary}, batch ${work.batch}`;
}
