import { accuracyOps } from './accuracy.js';
import { adamOps } from './adam.js';
import { addOps } from './add.js';
import { averagePool2dOps } from './average-pool2d.js';
import { batchNormOps } from './batch-norm.js';
import { binaryCrossEntropyOps } from './binary-cross-entropy.js';
import { conv2dOps } from './conv2d.js';
import { dropoutOps } from './dropout.js';
import { flattenOps } from './flatten.js';
import { gatherOps } from './gather.js';
import { geluOps } from './gelu.js';
import { globalAveragePoolOps } from './global-average-pool.js';
import { gradientNormOps } from './gradient-norm.js';
import { leakyReluOps } from './leaky-relu.js';
import { linearOps } from './linear.js';
import { matmulOps } from './matmul.js';
import { maxPool2dOps } from './max-pool2d.js';
import { mnistLossOps } from './mnist-loss.js';
import { reluOps } from './relu.js';
import { sgdOps } from './sgd.js';
import { sigmoidOps } from './sigmoid.js';
import { softmaxCrossEntropyOps } from './softmax-cross-entropy.js';
import { squaredErrorOps } from './squared-error.js';
import { stepStateOps } from './step-state.js';
import { tanhOps } from './tanh.js';
import type { Op } from './types.js';

/** Every op by name. A backend has one kernel for each, under the same name. */
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
  ...flattenOps,
  ...maxPool2dOps,
  ...averagePool2dOps,
  ...globalAveragePoolOps,
  ...batchNormOps,
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

export type OpName = keyof typeof OPS;

type RolesOf<Name extends OpName> =
  (typeof OPS)[Name] extends Op<infer Output, infer Input, string> ? Output | Input : never;

type AttributesOf<Name extends OpName> = (typeof OPS)[Name]['attributes'][number];

/** The tensors that an op takes, by role. */
export type OpTensors<Name extends OpName, T> = Readonly<Record<RolesOf<Name>, T>>;

/** The attributes that an op takes; nothing for an op without any. */
export type OpAttributes<Name extends OpName> = [AttributesOf<Name>] extends [never]
  ? []
  : [attributes: Readonly<Record<AttributesOf<Name>, number>>];
