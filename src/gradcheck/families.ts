/**
 * The ops by family, as src/ops/ has them in files, each with random cases of small sizes. Sizes
 * leave remainders in tiles of 4, 6 and 8, and one product is longer than a block of the GEMM.
 */
import { accuracyOps } from '../ops/accuracy.js';
import { adamOps } from '../ops/adam.js';
import { addOps } from '../ops/add.js';
import { averagePool2dOps } from '../ops/average-pool2d.js';
import { batchNormOps } from '../ops/batch-norm.js';
import { binaryCrossEntropyOps } from '../ops/binary-cross-entropy.js';
import { conv2dOps } from '../ops/conv2d.js';
import { dropoutOps } from '../ops/dropout.js';
import { flattenOps } from '../ops/flatten.js';
import { gatherOps } from '../ops/gather.js';
import { geluOps } from '../ops/gelu.js';
import { globalAveragePoolOps } from '../ops/global-average-pool.js';
import { gradientNormOps } from '../ops/gradient-norm.js';
import { leakyReluOps } from '../ops/leaky-relu.js';
import { linearOps } from '../ops/linear.js';
import { matmulOps } from '../ops/matmul.js';
import { maxPool2dOps } from '../ops/max-pool2d.js';
import { mnistLossOps } from '../ops/mnist-loss.js';
import type { OpName } from '../ops/registry.js';
import { reluOps } from '../ops/relu.js';
import { sgdOps } from '../ops/sgd.js';
import { sigmoidOps } from '../ops/sigmoid.js';
import { softmaxCrossEntropyOps } from '../ops/softmax-cross-entropy.js';
import { squaredErrorOps } from '../ops/squared-error.js';
import { stepStateOps } from '../ops/step-state.js';
import { tanhOps } from '../ops/tanh.js';
import type { RandomStream } from '../random/threefry.js';
import { type GradientCase, type KernelCase, kernelsOf } from './case.js';
import {
  activationCase,
  addCase,
  classificationCase,
  dropoutCase,
  flattenCase,
  geluCase,
  leakyReluCase,
  linearCase,
  matmulCase,
  squaredErrorCase,
} from './gradient-cases.js';
import {
  averagePool2dCase,
  batchNormCase,
  type ConvolutionSizes,
  conv2dCase,
  globalAveragePoolCase,
  maxPool2dCase,
  type PoolingSizes,
} from './image-cases.js';
import {
  accuracyCase,
  adamCase,
  batchNormStatisticsCase,
  gatherCase,
  gradientNormCase,
  sgdCase,
  softmaxCase,
  stepStateCase,
} from './kernel-cases.js';

/** Sizes are drawn from 1 to this: more than two vectors and a remainder. */
const LARGEST = 11;

/** Longer than a block of the GEMM, and no multiple of a vector. */
const LONG = 1029;

const TRANSPOSITIONS = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

export interface Cases {
  /** Their gradients are checked, and their kernels compared. */
  readonly gradients?: readonly GradientCase[];
  /** Only compared. */
  readonly kernels?: readonly KernelCase[];
}

export interface Family {
  /** The file's stem: `softmax-cross-entropy`. */
  readonly name: string;
  readonly kernels: readonly OpName[];
  draw(random: RandomStream): Cases;
}

export const FAMILIES: readonly Family[] = [
  family('matmul', matmulOps, (random) => {
    const [M, N, K] = sizes(random, 3);
    return {
      gradients: TRANSPOSITIONS.map((stored) => matmulCase(random, { M, N, K, ...stored })),
      kernels: TRANSPOSITIONS.map((stored) =>
        kernelsOf(matmulCase(random, { M, N, K: LONG, ...stored })),
      ),
    };
  }),
  family('linear', linearOps, (random) => {
    const [B, I, O] = sizes(random, 3);
    return {
      gradients: [linearCase(random, { B, I, O }), linearCase(random, { B, I, O: 1 })],
      kernels: [kernelsOf(linearCase(random, { B, I: LONG, O }))],
    };
  }),
  family('conv2d', conv2dOps, (random) => ({
    gradients: [1, 2].map((groups) => conv2dCase(random, convolutionSizes(random, groups))),
  })),
  family('relu', reluOps, (random) => activations(random, 'relu')),
  family('leaky-relu', leakyReluOps, (random) => ({
    gradients: [leakyReluCase(random, sizes(random, 2), random.nextFloat())],
  })),
  family('gelu', geluOps, (random) => ({ gradients: [geluCase(random, sizes(random, 2))] })),
  family('sigmoid', sigmoidOps, (random) => activations(random, 'sigmoid')),
  family('tanh', tanhOps, (random) => activations(random, 'tanh')),
  family('add', addOps, (random) => ({ gradients: [addCase(random, sizes(random, 2))] })),
  family('dropout', dropoutOps, (random) => {
    const [size] = sizes(random, 1);
    return {
      gradients: [dropoutCase(random, size, 0.5)],
      // Some groups of sixteen, and a remainder.
      kernels: [kernelsOf(dropoutCase(random, 50 + size, random.nextFloat()))],
    };
  }),
  family('flatten', flattenOps, (random) => {
    const [B, H, W, C] = sizes(random, 4);
    return {
      gradients: [
        flattenCase(random, { B, H, W, C }),
        flattenCase(random, { B, H, W, C: 1 }),
        flattenCase(random, { B, H: 1, W: 1, C }),
      ],
    };
  }),
  family('max-pool2d', maxPool2dOps, (random) => ({
    gradients: poolings(random).map((sizes) => maxPool2dCase(random, sizes)),
  })),
  family('average-pool2d', averagePool2dOps, (random) => ({
    gradients: poolings(random).map((sizes) => averagePool2dCase(random, sizes)),
  })),
  family('global-average-pool', globalAveragePoolOps, (random) => {
    const [B, H, W] = sizes(random, 3);
    return { gradients: [1, 5, 18].map((C) => globalAveragePoolCase(random, [B, H, W, C])) };
  }),
  family('batch-norm', batchNormOps, (random) => {
    const [B, H, C] = sizes(random, 3);
    return {
      gradients: [batchNormCase(random, [B + 3, C]), batchNormCase(random, [B, H, 4, C])],
      kernels: [batchNormStatisticsCase(random, C)],
    };
  }),
  family('softmax-cross-entropy', softmaxCrossEntropyOps, (random) => {
    const [B, C] = sizes(random, 2);
    return {
      gradients: [classificationCase(random, 'softmaxCrossEntropy', { B, C: C + 1 })],
      kernels: [softmaxCase(random, { B, C })],
    };
  }),
  family('binary-cross-entropy', binaryCrossEntropyOps, (random) => {
    const [B] = sizes(random, 1);
    return { gradients: [classificationCase(random, 'binaryCrossEntropy', { B, C: 1 })] };
  }),
  family('mnist-loss', mnistLossOps, (random) => {
    const [B] = sizes(random, 1);
    return { gradients: [classificationCase(random, 'mnistLoss', { B, C: 1 })] };
  }),
  family('squared-error', squaredErrorOps, (random) => {
    const shape = sizes(random, 2);
    return {
      gradients: [squaredErrorCase(random, 'mean', shape), squaredErrorCase(random, 'sum', shape)],
    };
  }),
  family('sgd', sgdOps, (random) => {
    const [size] = sizes(random, 1);
    return { kernels: [sgdCase(random, size)] };
  }),
  family('adam', adamOps, (random) => {
    const [size] = sizes(random, 1);
    return { kernels: [adamCase(random, size)] };
  }),
  family('gradient-norm', gradientNormOps, (random) => {
    const parameters = sizes(random, 3);
    return { kernels: [0.5, 2].map((limit) => gradientNormCase(random, parameters, limit)) };
  }),
  family('gather', gatherOps, (random) => {
    const [B, F, others] = sizes(random, 3);
    return { kernels: [gatherCase(random, { N: B + others, F, B })] };
  }),
  family('accuracy', accuracyOps, (random) => {
    const [B, C] = sizes(random, 2);
    return { kernels: [accuracyCase(random, { B, C }), accuracyCase(random, { B, C: 1 })] };
  }),
  family('step-state', stepStateOps, (random) => ({ kernels: [stepStateCase(random)] })),
];

function family(
  name: string,
  ops: Partial<Readonly<Record<OpName, unknown>>>,
  draw: Family['draw'],
): Family {
  return { name, kernels: Object.keys(ops) as OpName[], draw };
}

function activations(random: RandomStream, activation: 'relu' | 'sigmoid' | 'tanh'): Cases {
  return { gradients: [activationCase(random, activation, sizes(random, 2))] };
}

/** A convolution of which at least one window fits. */
function convolutionSizes(random: RandomStream, groups: number): ConvolutionSizes {
  const upTo = (largest: number) => 1 + random.nextBelow(largest);
  const [KH, KW, dilationHeight, dilationWidth] = [upTo(3), upTo(3), upTo(2), upTo(2)];
  return {
    B: upTo(3),
    H: dilationHeight * (KH - 1) + upTo(4),
    W: dilationWidth * (KW - 1) + upTo(4),
    C: groups * upTo(3),
    OC: groups * upTo(5),
    KH,
    KW,
    strideHeight: upTo(3),
    strideWidth: upTo(3),
    paddingHeight: random.nextBelow(3),
    paddingWidth: random.nextBelow(3),
    dilationHeight,
    dilationWidth,
    groups,
  };
}

/** Windows of 2 × 2 side by side, and windows that overlap and reach into the padding. */
function poolings(random: RandomStream): PoolingSizes[] {
  const [H, W, C] = sizes(random, 3);
  const [B, tall, wide] = Array.from({ length: 3 }, () => 1 + random.nextBelow(3));
  const shape = [B, H + 1, W + 1, C];
  return [
    { shape, kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
    { shape, kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
    { shape, kernel: [3, 2], stride: [tall, wide], padding: [1, 0] },
  ];
}

function sizes(random: RandomStream, count: number): number[] {
  return Array.from({ length: count }, () => 1 + random.nextBelow(LARGEST));
}
