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
import leakyRelu from '../../../shaders/leaky-relu.wgsl';
import linear from '../../../shaders/linear.wgsl';
import logarithm from '../../../shaders/logarithm.wgsl';
import matmul from '../../../shaders/matmul.wgsl';
import matrices from '../../../shaders/matrices.wgsl';
import maxPool2d from '../../../shaders/max-pool2d.wgsl';
import mnistLoss from '../../../shaders/mnist-loss.wgsl';
import positive from '../../../shaders/positive.wgsl';
import relu from '../../../shaders/relu.wgsl';
import roofs from '../../../shaders/roofs.wgsl';
import sgd from '../../../shaders/sgd.wgsl';
import sigmoid from '../../../shaders/sigmoid.wgsl';
import softmaxCrossEntropy from '../../../shaders/softmax-cross-entropy.wgsl';
import squaredError from '../../../shaders/squared-error.wgsl';
import stepState from '../../../shaders/step-state.wgsl';
import sum from '../../../shaders/sum.wgsl';
import tanh from '../../../shaders/tanh.wgsl';
import threefry from '../../../shaders/threefry.wgsl';
import window from '../../../shaders/window.wgsl';

/**
 * Every shader's source, by the file's stem. WGSL has no includes: files that several share are put
 * before or behind each of them.
 */
export const SHADERS: Readonly<Record<string, string>> = {
  adam,
  add,
  'binary-cross-entropy': exp + logarithm + sum + binaryCrossEntropy,
  'column-sums': columnSums,
  conv2d: conv2d + gemm,
  dropout: threefry + dropout,
  flatten,
  gather,
  gelu: exp + gelu,
  'leaky-relu': positive + leakyRelu,
  linear: linear + matrices + gemm,
  matmul: matmul + matrices + gemm,
  'mnist-loss': exp + sum + mnistLoss,
  relu: positive + relu,
  roofs: exp + roofs,
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
