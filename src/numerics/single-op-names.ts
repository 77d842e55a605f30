import type { SingleOps } from './single-ops.js';

/** The methods of a backend that run a single op. */
export const SINGLE_OPS = [
  'binaryCrossEntropy',
  'call',
  'conv2d',
  'conv2dBackwardBias',
  'conv2dBackwardInput',
  'conv2dBackwardWeight',
  'linear',
  'linearBackwardBias',
  'matmul',
  'mnistLoss',
  'relu',
  'reluBackward',
  'sgd',
  'sigmoid',
  'sigmoidBackward',
  'softmax',
  'softmaxCrossEntropy',
  'squaredError',
  'tanh',
  'tanhBackward',
] as const satisfies readonly (keyof SingleOps)[];

/** One of `SINGLE_OPS`. */
export type SingleOp = (typeof SINGLE_OPS)[number];
