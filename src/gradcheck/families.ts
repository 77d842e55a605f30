/**
 * The ops by family, as src/ops/ has them in files, each with random cases of small sizes. Sizes
 * leave remainders in tiles of 4, 6 and 8, and one product is longer than a block of the GEMM.
 */
import { accuracyOps } from '../ops/accuracy.js';
import { adamOps } from '../ops/adam.js';
import { averagePool2dOps } from '../ops/average-pool2d.js';
import { batchNormOps } from '../ops/batch-norm.js';
import { binaryCrossEntropyOps } from '../ops/binary-cross-entropy.js';
import { gatherOps } from '../ops/gather.js';
import { globalAveragePoolOps } from '../ops/global-average-pool.js';
import { gradientNormOps } from '../ops/gradient-norm.js';
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
  averagePool2dCase,
  batchNormCase,
  classificationCase,
  globalAveragePoolCase,
  linearCase,
  matmulCase,
  maxPool2dCase,
  type PoolingSizes,
  squaredErrorCase,
} from './gradient-cases.js';
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
  family('relu', reluOps, (random) => activations(random, 'relu')),
  family('sigmoid', sigmoidOps, (random) => activations(random, 'sigmoid')),
  family('tanh', tanhOps, (random) => activations(random, 'tanh')),
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
