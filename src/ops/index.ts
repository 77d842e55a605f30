/** `handgrad/ops`: every op, for layers, losses and optimizers of one's own. */

export type { Op } from './define-op.js';

import { accuracyOps } from './accuracy.js';
import { adamOps } from './adam.js';
import { addOps } from './add.js';
import { averagePool2dOps } from './average-pool2d.js';
import { batchNormOps } from './batch-norm.js';
import { binaryCrossEntropyOps } from './binary-cross-entropy.js';
import { conv2dOps } from './conv2d.js';
import { dropoutOps } from './dropout.js';
import { embeddingOps } from './embedding.js';
import { gatherOps } from './gather.js';
import { geluOps } from './gelu.js';
import { globalAveragePoolOps } from './global-average-pool.js';
import { gradientNormOps } from './gradient-norm.js';
import { groupNormOps } from './group-norm.js';
import { imageLayoutOps } from './image-layout.js';
import { layerNormOps } from './layer-norm.js';
import { leakyReluOps } from './leaky-relu.js';
import { linearOps } from './linear.js';
import { matmulOps } from './matmul.js';
import { maxPool2dOps } from './max-pool2d.js';
import { mnistLossOps } from './mnist-loss.js';
import { reluOps } from './relu.js';
import { runningStatisticsOps } from './running-statistics.js';
import { sgdOps } from './sgd.js';
import { sigmoidOps } from './sigmoid.js';
import { softmaxCrossEntropyOps } from './softmax-cross-entropy.js';
import { squaredErrorOps } from './squared-error.js';
import { stepStateOps } from './step-state.js';
import { tanhOps } from './tanh.js';

export const { countCorrect, countConfusion } = accuracyOps;
export const { adamUpdate, adamWUpdate } = adamOps;
export const { add } = addOps;
export const { averagePool2dForward, averagePool2dBackward } = averagePool2dOps;
export const {
  batchNormStatistics,
  batchNormForward,
  batchNormBackwardParameters,
  batchNormBackwardInput,
} = batchNormOps;
export const { binaryCrossEntropyForward, binaryCrossEntropyBackward } = binaryCrossEntropyOps;
export const {
  conv2dForward,
  conv2dBiasForward,
  conv2dBackwardWeight,
  conv2dBackwardBias,
  conv2dBackwardInput,
} = conv2dOps;
export const { dropoutForward, dropoutBackward } = dropoutOps;
export const { embeddingForward, embeddingBackward } = embeddingOps;
export const { gatherBytes, gatherReals, gatherLabels } = gatherOps;
export const { geluForward, geluBackward } = geluOps;
export const { globalAveragePoolForward, globalAveragePoolBackward } = globalAveragePoolOps;
export const { sumOfSquares, clipFactor, scaleGradient } = gradientNormOps;
export const { groupNormForward, groupNormBackwardParameters, groupNormBackwardInput } =
  groupNormOps;
export const { channelsFirst, channelsLast } = imageLayoutOps;
export const { layerNormForward, layerNormBackwardParameters, layerNormBackwardInput } =
  layerNormOps;
export const { leakyReluForward, leakyReluBackward } = leakyReluOps;
export const { linearForward, linearBackwardWeight, linearBackwardBias, linearBackwardInput } =
  linearOps;
export const { matmul } = matmulOps;
export const { maxPool2dForward, maxPool2dBackward } = maxPool2dOps;
export const { mnistLossForward, mnistLossBackward } = mnistLossOps;
export const { reluForward, reluBackward } = reluOps;
export const { updateRunningStatistics } = runningStatisticsOps;
export const { sgdUpdate, sgdMomentumUpdate, sgdNesterovUpdate } = sgdOps;
export const { sigmoidForward, sigmoidBackward } = sigmoidOps;
export const { softmaxForward, softmaxCrossEntropyForward, softmaxCrossEntropyBackward } =
  softmaxCrossEntropyOps;
export const { squaredErrorForward, squaredErrorBackward } = squaredErrorOps;
export const { recordLoss, advance } = stepStateOps;
export const { tanhForward, tanhBackward } = tanhOps;
