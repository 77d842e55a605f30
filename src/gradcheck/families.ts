/**
 * The ops by family, as src/ops/ has them in files, each with random cases of small sizes. Sizes
 * leave remainders in tiles of 4, 6 and 8, and one product is longer than a block of the GEMM.
 */
import { accuracyOps } from '../ops/accuracy.js';
import { adamOps } from '../ops/adam.js';
import { binaryCrossEntropyOps } from '../ops/binary-cross-entropy.js';
import { gatherOps } from '../ops/gather.js';
import { gradientNormOps } from '../ops/gradient-norm.js';
import { linearOps } from '../ops/linear.js';
import { matmulOps } from '../ops/matmul.js';
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
import type { GradientCase, KernelCase } from './case.js';
import {
  activationCase,
  classificationCase,
  linearCase,
  matmulCase,
  squaredErrorCase,
} from './gradient-cases.js';
import {
  accuracyCase,
  adamCase,
  gatherCase,
  gradientNormCase,
  sgdCase,
  softmaxCase,
  stepStateCase,
} from './kernel-cases.js';

export interface Family {
  /** The file's stem: `softmax-cross-entropy`. */
  readonly name: string;
  readonly kernels: readonly OpName[];
  /** Cases whose gradients are checked, and their kernels compared. */
  gradientCases(random: RandomStream): readonly GradientCase[];
  /** Cases whose kernels are compared only. */
  kernelCases(random: RandomStream): readonly KernelCase[];
}

/** Longer than a block of the GEMM, and no multiple of a vector. */
const LONG = 1029;

export const FAMILIES: readonly Family[] = [
  family('matmul', matmulOps, {
    gradientCases: (random) =>
      TRANSPOSITIONS.map((transposed) => {
        const [M, N, K] = sizes(random, 3);
        return matmulCase(random, { M, N, K, ...transposed });
      }),
    kernelCases: (random) => TRANSPOSITIONS.map
  }),
];
