import accuracy from '../../../shaders/accuracy.wgsl';
import adam from '../../../shaders/adam.wgsl';
import add from '../../../shaders/add.wgsl';
import averagePool2d from '../../../shaders/average-pool2d.wgsl';
import batchNorm from '../../../shaders/batch-norm.wgsl';
import binaryCrossEntropy from '../../../shaders/binary-cross-entropy.wgsl';
import columnSums from '../../../shaders/column-sums.wgsl';
import conv2d from '../../../shaders/conv2d.wgsl';
import dropout from '../../../shaders/dropout.wgsl';
import exp from '../../../shaders/exp.wgsl';
import flatten from '../../../shaders/flatten.wgsl';
import gather from '../../../shaders/gather.wgsl';
import gelu from '../../../shaders/gelu.wgsl';
import gemm from '../../../shaders/gemm.wgsl';
import globalAveragePool from '../../../shaders/global-average-pool.wgsl';
import gradientNorm from '../../../shaders/gradient-norm.wgsl';
import halves from '../../../shaders/halves.wgsl';
import leakyRelu from '../../../shaders/leaky-relu.wgsl';
import linear from '../../../shaders/linear.wgsl';
import logarithm from '../../../shaders/logarithm.wgsl';
import matmul from '../../../shaders/matmul.wgsl';
import matrices from '../../../shaders/matrices.wgsl';
import maxPool2d from '../../../shaders/max-pool2d.wgsl';
import mnistLoss from '../../../shaders/mnist-loss.wgsl';
import positive from '../../../shaders/positive.wgsl';
import readA from '../../../shaders/read-a.wgsl';
import readAInFours from '../../../shaders/read-a-fours.wgsl';
import readB from '../../../shaders/read-b.wgsl';
import readBInFours from '../../../shaders/read-b-fours.wgsl';
import reals from '../../../shaders/reals.wgsl';
import relu from '../../../shaders/relu.wgsl';
import sgd from '../../../shaders/sgd.wgsl';
import sigmoid from '../../../shaders/sigmoid.wgsl';
import softmaxCrossEntropy from '../../../shaders/softmax-cross-entropy.wgsl';
import squaredError from '../../../shaders/squared-error.wgsl';
import stepState from '../../../shaders/step-state.wgsl';
import sum from '../../../shaders/sum.wgsl';
import tanh from '../../../shaders/tanh.wgsl';
import threefry from '../../../shaders/threefry.wgsl';
import window from '../../../shaders/window.wgsl';

/** What products of each shader multiply. */
const OPERANDS: Readonly<Record<string, string>> = {
  conv2d,
  linear: linear + matrices,
  matmul: matmul + matrices,
};

/** How operands are read, by element or by four. */
export interface Reads {
  readonly A: boolean;
  readonly B: boolean;
}

/** The source of a product's shader. */
export function productSource(shader: string, inFours: Reads, isHalf: boolean): string {
  const reads = (inFours.A ? readAInFours : readA) + (inFours.B ? readBInFours : readB);
  return (isHalf ? halves : reals) + OPERANDS[shader] + reads + gemm;
}

const BY_ELEMENT: Reads = { A: false, B: false };

/**
 * Every shader's source, by the file's stem. WGSL has no includes: files that several share are put
 * before or behind each of them.
 */
export const SHADERS: Readonly<Record<string, string>> = {
  adam,
  add,
  'binary-cross-entropy': exp + logarithm + sum + binaryCrossEntropy,
  'column-sums': columnSums,
  conv2d: productSource('conv2d', BY_ELEMENT, false),
  dropout: threefry + dropout,
  flatten,
  gather,
  gelu: exp + gelu,
  'leaky-relu': positive + leakyRelu,
  linear: productSource('linear', BY_ELEMENT, false),
  matmul: productSource('matmul', BY_ELEMENT, false),
  'mnist-loss': exp + sum + mnistLoss,
  relu: positive + relu,
  sgd,
  sigmoid: exp + sigmoid,
  'softmax-cross-entropy': exp + logarithm + sum + softmaxCrossEntropy,
  'squared-error': sum + squaredError,
  'step-state': stepState,
  tanh: exp + tanh,
  accuracy,
  'average-pool2d': window + averagePool2d,
  'batch-norm': batchNorm,
  'global-average-pool': globalAveragePool,
  'gradient-norm': gradientNorm,
  'max-pool2d': window + maxPool2d,
};
