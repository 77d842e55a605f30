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
import sgd from '../../../shaders/sgd.wgsl';
import sigmoid from '../../../shaders/sigmoid.wgsl';
import softmaxCrossEntropy from '../../../shaders/softmax-cross-entropy.wgsl';
import squaredError from '../../../shaders/squared-error.wgsl';
import stepState from '../../../shaders/step-state.wgsl';
import sum from '../../../shaders/sum.wgsl';
import tanh from '../../../shaders/tanh.wgsl';
import threefry from '../../../shaders/threefry.wgsl';
import window from '../../../shaders/window.wgsl';

/** One file's name, without `.wgsl`, and its text. */
export type ShaderFile = readonly [name: string, text: string];

/** Files by their names in camel case, which become those in `shaders/`: `column-sums`. */
function files(texts: Readonly<Record<string, string>>): readonly ShaderFile[] {
  return Object.entries(texts).map(([name, text]) => {
    return [name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), text];
  });
}

/**
 * Every shader's source, by the file's stem. WGSL has no includes: files that several share are put
 * before or behind each of them.
 */
export const SHADERS: Readonly<Record<string, readonly ShaderFile[]>> = {
  adam: files({ adam }),
  add: files({ add }),
  'binary-cross-entropy': files({ exp, logarithm, sum, binaryCrossEntropy }),
  'column-sums': files({ columnSums }),
  conv2d: files({ conv2d, gemm }),
  dropout: files({ threefry, dropout }),
  flatten: files({ flatten }),
  gather: files({ gather }),
  gelu: files({ exp, gelu }),
  'leaky-relu': files({ positive, leakyRelu }),
  linear: files({ linear, matrices, gemm }),
  matmul: files({ matmul, matrices, gemm }),
  'mnist-loss': files({ exp, sum, mnistLoss }),
  relu: files({ positive, relu }),
  sgd: files({ sgd }),
  sigmoid: files({ exp, sigmoid }),
  'softmax-cross-entropy': files({ exp, logarithm, sum, softmaxCrossEntropy }),
  'squared-error': files({ sum, squaredError }),
  'step-state': files({ stepState }),
  tanh: files({ exp, tanh }),
  accuracy: files({ accuracy }),
  'average-pool2d': files({ window, averagePool2d }),
  'batch-norm': files({ batchNorm }),
  'global-average-pool': files({ globalAveragePool }),
  'gradient-norm': files({ gradientNorm }),
  'max-pool2d': files({ window, maxPool2d }),
};
