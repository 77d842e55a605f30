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
import gather from '../../../shaders/gather.wgsl';
import gelu from '../../../shaders/gelu.wgsl';
import gemm from '../../../shaders/gemm.wgsl';
import globalAveragePool from '../../../shaders/global-average-pool.wgsl';
import gradientNorm from '../../../shaders/gradient-norm.wgsl';
import halves from '../../../shaders/halves.wgsl';
import imageLayout from '../../../shaders/image-layout.wgsl';
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
import readAFours from '../../../shaders/read-a-fours.wgsl';
import readB from '../../../shaders/read-b.wgsl';
import readBFours from '../../../shaders/read-b-fours.wgsl';
import reals from '../../../shaders/reals.wgsl';
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
 * before or behind each of them. One that begins with `enable` is always first, as WGSL demands.
 */
export function shadersOf(
  variants: ShaderVariants,
): Readonly<Record<string, readonly ShaderFile[]>> {
  const { subgroups = false, halves: isHalf = false } = variants;
  const sums = { ...(subgroups ? { workgroupSubgroups } : { workgroup }), tree, sum, parts };
  const numbers = isHalf ? { halves } : { reals };
  return {
    adam: files({ adam }),
    add: files({ add }),
    'binary-cross-entropy': files({ ...sums, exp, logarithm, binaryCrossEntropy }),
    'column-sums': files({ columns, columnSums }),
    ...products('conv2d', { ...numbers, conv2d }),
    dropout: files({ threefry, dropout }),
    'image-layout': files({ imageLayout }),
    gather: files({ gather }),
    gelu: files({ exp, gelu }),
    'leaky-relu': files({ positive, leakyRelu }),
    ...products('linear', { ...numbers, linear, matrices }),
    ...products('matmul', { ...numbers, matmul, matrices }),
    'mnist-loss': files({ ...sums, exp, mnistLoss }),
    relu: files({ positive, relu }),
    roofs: files({ exp, roofs }),
    sgd: files({ sgd }),
    sigmoid: files({ exp, sigmoid }),
    'softmax-cross-entropy': files({ ...sums, exp, logarithm, softmaxCrossEntropy }),
    'squared-error': files({ ...sums, squaredError }),
    'step-state': files({ stepState }),
    tanh: files({ exp, tanh }),
    accuracy: files({ accuracy }),
    'average-pool2d': files({ window, averagePool2d }),
    'batch-norm': files({ columns, batchNorm }),
    'global-average-pool': files({ columns, globalAveragePool }),
    'gradient-norm': files({ ...sums, gradientNorm }),
    'max-pool2d': files({ window, maxPool2d }),
  };
}

/** A product's shader, for all ways to read its operands. */
function products(shader: string, operands: Readonly<Record<string, string>>) {
  const sources = [false, true].flatMap((A) =>
    [false, true].map((B) => {
      const reads = { ...(A ? { readAFours } : { readA }), ...(B ? { readBFours } : { readB }) };
      return [productShader(shader, { A, B }), files({ ...operands, ...reads, gemm })] as const;
    }),
  );
  return Object.fromEntries(sources);
}
