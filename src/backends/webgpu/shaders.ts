import accuracy from '../../../shaders/accuracy.wgsl';
import adam from '../../../shaders/adam.wgsl';
import add from '../../../shaders/add.wgsl';
import averagePool2d from '../../../shaders/average-pool2d.wgsl';
import batchNorm from '../../../shaders/batch-norm.wgsl';
import binaryCrossEntropy from '../../../shaders/binary-cross-entropy.wgsl';
import columnSums from '../../../shaders/column-sums.wgsl';
import columns from '../../../shaders/columns.wgsl';
import conv2d from '../../../shaders/conv2d.wgsl';
import dropout from '../../../shaders/dropout.wgsl';
import exp from '../../../shaders/exp.wgsl';
import flatten from '../../../shaders/flatten.wgsl';
import gather from '../../../shaders/gather.wgsl';
import gelu from '../../../shaders/gelu.wgsl';
import gemm from '../../../shaders/gemm.wgsl';
import globalAveragePool from '../../../shaders/global-average-pool.wgsl';
import gradientNorm from '../../../shaders/gradient-norm.wgsl';
import halfNumbers from '../../../shaders/halves.wgsl';
import leakyRelu from '../../../shaders/leaky-relu.wgsl';
import linear from '../../../shaders/linear.wgsl';
import logarithm from '../../../shaders/logarithm.wgsl';
import matmul from '../../../shaders/matmul.wgsl';
import matrices from '../../../shaders/matrices.wgsl';
import maxPool2d from '../../../shaders/max-pool2d.wgsl';
import mnistLoss from '../../../shaders/mnist-loss.wgsl';
import parts from '../../../shaders/parts.wgsl';
import positive from '../../../shaders/positive.wgsl';
import readA from '../../../shaders/read-a.wgsl';
import readAInFours from '../../../shaders/read-a-fours.wgsl';
import readB from '../../../shaders/read-b.wgsl';
import readBInFours from '../../../shaders/read-b-fours.wgsl';
import realNumbers from '../../../shaders/reals.wgsl';
import relu from '../../../shaders/relu.wgsl';
import sgd from '../../../shaders/sgd.wgsl';
import sigmoid from '../../../shaders/sigmoid.wgsl';
import softmaxCrossEntropy from '../../../shaders/softmax-cross-entropy.wgsl';
import squaredError from '../../../shaders/squared-error.wgsl';
import stepState from '../../../shaders/step-state.wgsl';
import sum from '../../../shaders/sum.wgsl';
import tanh from '../../../shaders/tanh.wgsl';
import threefry from '../../../shaders/threefry.wgsl';
import tree from '../../../shaders/tree.wgsl';
import window from '../../../shaders/window.wgsl';
import workgroup from '../../../shaders/workgroup.wgsl';
import workgroupSubgroups from '../../../shaders/workgroup-subgroups.wgsl';

/** Which files go into shaders, where there are several that do the same. */
export interface ShaderVariants {
  /** Sums and maxima of a workgroup use subgroups. */
  readonly subgroups?: boolean;
  /** Products multiply numbers of 16 bits. */
  readonly halves?: boolean;
}

/** How operands of a product are read, by element or by four. */
export interface Reads {
  readonly A: boolean;
  readonly B: boolean;
}

/** The name of a product's shader, by that of the op and how it reads. */
export function productShader(shader: string, inFours: Reads): string {
  return shader + (inFours.A ? ', A in fours' : '') + (inFours.B ? ', B in fours' : '');
}

/**
 * Every shader's source, by the file's stem. WGSL has no includes: files that several share are put
 * before or behind each of them. One that begins with `enable` is always first, as WGSL demands.
 */
export function shadersOf(variants: ShaderVariants): Readonly<Record<string, string>> {
  const { subgroups = false, halves = false } = variants;
  const sums = (subgroups ? workgroupSubgroups : workgroup) + tree + sum + parts;
  return {
    adam,
    add,
    'binary-cross-entropy': sums + exp + logarithm + binaryCrossEntropy,
    'column-sums': columns + columnSums,
    ...products('conv2d', conv2d, halves),
    dropout: threefry + dropout,
    flatten,
    gather,
    gelu: exp + gelu,
    'leaky-relu': positive + leakyRelu,
    ...products('linear', linear + matrices, halves),
    ...products('matmul', matmul + matrices, halves),
    'mnist-loss': sums + exp + mnistLoss,
    relu: positive + relu,
    sgd,
    sigmoid: exp + sigmoid,
    'softmax-cross-entropy': sums + exp + logarithm + softmaxCrossEntropy,
    'squared-error': sums + squaredError,
    'step-state': stepState,
    tanh: exp + tanh,
    accuracy,
    'average-pool2d': window + averagePool2d,
    'batch-norm': columns + batchNorm,
    'global-average-pool': columns + globalAveragePool,
    'gradient-norm': sums + gradientNorm,
    'max-pool2d': window + maxPool2d,
  };
}

/** A product's shader, for all ways to read its operands. */
function products(shader: string, operands: string, halves: boolean): Record<string, string> {
  const numbers = halves ? halfNumbers : realNumbers;
  const sources = [false, true].flatMap((A) =>
    [false, true].map((B) => {
      const reads = (A ? readAInFours : readA) + (B ? readBInFours : readB);
      return [productShader(shader, { A, B }), numbers + operands + reads + gemm];
    }),
  );
  return Object.fromEntries(sources);
}
