import { accuracyCases, accuracyOps } from './accuracy.js';
import { adamCases, adamOps } from './adam.js';
import { addCases, addOps } from './add.js';
import { averagePool2dCases, averagePool2dOps } from './average-pool2d.js';
import { batchNormCases, batchNormOps } from './batch-norm.js';
import { binaryCrossEntropyCases, binaryCrossEntropyOps } from './binary-cross-entropy.js';
import type { OpCases } from './cases.js';
import { conv2dCases, conv2dOps } from './conv2d.js';
import type { Op } from './define-op.js';
import { dropoutCases, dropoutOps } from './dropout.js';
import { embeddingCases, embeddingOps } from './embedding.js';
import { gatherCases, gatherOps } from './gather.js';
import { geluCases, geluOps } from './gelu.js';
import { globalAveragePoolCases, globalAveragePoolOps } from './global-average-pool.js';
import { gradientNormCases, gradientNormOps } from './gradient-norm.js';
import { groupNormCases, groupNormOps } from './group-norm.js';
import { imageLayoutCases, imageLayoutOps } from './image-layout.js';
import { layerNormCases, layerNormOps } from './layer-norm.js';
import { leakyReluCases, leakyReluOps } from './leaky-relu.js';
import { linearCases, linearOps } from './linear.js';
import { matmulCases, matmulOps } from './matmul.js';
import { maxPool2dCases, maxPool2dOps } from './max-pool2d.js';
import { mnistLossCases, mnistLossOps } from './mnist-loss.js';
import { reluCases, reluOps } from './relu.js';
import { runningStatisticsCases, runningStatisticsOps } from './running-statistics.js';
import { sgdCases, sgdOps } from './sgd.js';
import { sigmoidCases, sigmoidOps } from './sigmoid.js';
import { softmaxCrossEntropyCases, softmaxCrossEntropyOps } from './softmax-cross-entropy.js';
import { squaredErrorCases, squaredErrorOps } from './squared-error.js';
import { stepStateCases, stepStateOps } from './step-state.js';
import { tanhCases, tanhOps } from './tanh.js';

/**
 * Every op by name. A backend has one kernel for each, under the same name. Layers import the files of
 * their ops instead, so that a page loads only the ops that it uses.
 */
export const OPS = {
  ...matmulOps,
  ...linearOps,
  ...conv2dOps,
  ...reluOps,
  ...leakyReluOps,
  ...geluOps,
  ...sigmoidOps,
  ...tanhOps,
  ...addOps,
  ...dropoutOps,
  ...imageLayoutOps,
  ...maxPool2dOps,
  ...averagePool2dOps,
  ...globalAveragePoolOps,
  ...batchNormOps,
  ...runningStatisticsOps,
  ...layerNormOps,
  ...groupNormOps,
  ...embeddingOps,
  ...softmaxCrossEntropyOps,
  ...binaryCrossEntropyOps,
  ...mnistLossOps,
  ...squaredErrorOps,
  ...sgdOps,
  ...adamOps,
  ...gradientNormOps,
  ...gatherOps,
  ...accuracyOps,
  ...stepStateOps,
};

/** The name of an op: `linearForward`, `adamUpdate`, … */
export type OpName = keyof typeof OPS;

/** An op that is only known at run time. */
export function opNamed(name: OpName): Op {
  return OPS[name] as unknown as Op;
}

/** Test cases of all ops, one entry per file that defines ops. */
export const CASES: readonly OpCases[] = [
  matmulCases,
  linearCases,
  conv2dCases,
  reluCases,
  leakyReluCases,
  geluCases,
  sigmoidCases,
  tanhCases,
  addCases,
  dropoutCases,
  imageLayoutCases,
  maxPool2dCases,
  averagePool2dCases,
  globalAveragePoolCases,
  batchNormCases,
  runningStatisticsCases,
  layerNormCases,
  groupNormCases,
  embeddingCases,
  softmaxCrossEntropyCases,
  binaryCrossEntropyCases,
  mnistLossCases,
  squaredErrorCases,
  sgdCases,
  adamCases,
  gradientNormCases,
  gatherCases,
  accuracyCases,
  stepStateCases,
];
