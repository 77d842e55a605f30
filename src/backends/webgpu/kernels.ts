import { drawnProbability } from '../../ops/dropout.js';
import { type PoolingWindow, pooledShape, WINDOW_ATTRIBUTES } from '../../ops/pooling-window.js';
import type { OpName } from '../../ops/registry.js';
import { sizeOf } from '../../tensor.js';
import type { Cuts } from './cuts.js';
import { type Plan, perElement, type Workgroups } from './passes.js';
import { type Product, planProduct } from './products.js';
import {
  planAveragePool,
  planChannelSums,
  planColumnSums,
  planSoftmax,
  planSoftmaxLoss,
  planSum,
} from './sums.js';

type Sizes = Readonly<Record<string, number>>;
type Attributes = Readonly<Record<string, number>>;

interface InShader {
  /** The shader's file, without `.wgsl`. */
  readonly shader: string;
  /** What the shader takes in place of the attributes, in its order: numbers that f32 would spoil. */
  derived?(attributes: Attributes): Attributes;
  /** Attributes, or numbers derived of them, that the shader takes as u32; the others are f32. */
  readonly integers?: readonly string[];
  /** Where the shader has the op's tensors, outputs before inputs, if not at 0, 1, … */
  readonly bindings?: readonly number[];
}

/** Runs as the entry point of its name. */
interface SinglePass extends InShader {
  /** How many workgroups share the work. */
  workgroups(sizes: Sizes, attributes: Attributes): Workgroups;
}

/** Runs as entry points of several names, or with constants of its own. */
interface Planned extends InShader {
  plan(sizes: Sizes, attributes: Attributes): Plan;
}

/** Runs as a product, which can be cut in several ways. */
export interface ProductKernel extends InShader {
  productOf(sizes: Sizes, attributes: Attributes): Product;
}

/** How an op runs on the GPU. */
export type Kernel = SinglePass | Planned | ProductKernel;

/** One invocation for each combination of the sizes: where they are an output's, per element. */
function elementwise(shader: string, integers: readonly string[] = []): SinglePass {
  return { shader, integers, workgroups: (sizes) => perElement(sizeOf(Object.values(sizes))) };
}

/** @param elements of y that an invocation computes */
function poolingForward(shader: string, elements: number): Kernel {
  return {
    shader,
    integers: WINDOW_ATTRIBUTES,
    workgroups(sizes, attributes) {
      const y = pooledShape(shader, Object.values(sizes), attributes as unknown as PoolingWindow);
      return perElement(Math.ceil(sizeOf(y) / elements));
    },
  };
}

/** Sums over the rows, of which `whole` puts parts together. */
function channelSums(entryPoint: OpName, whole: string): Kernel {
  return { shader: 'batch-norm', plan: (sizes) => planChannelSums(entryPoint, whole, sizes) };
}

/** One sum over all of what `sizes` begins with. */
function sum(shader: string, entryPoint: OpName, integers: readonly string[] = []): Kernel {
  return { shader, integers, plan: (sizes) => planSum(entryPoint, Object.values(sizes)[0]) };
}

function oneWorkgroup(shader: string): Kernel {
  return { shader, workgroups: () => [1] };
}

/** From dz, p and t; forward has t behind L, p and z. */
function lossBackward(shader: string): Kernel {
  return { ...elementwise(shader), bindings: [0, 1, 3] };
}

/** Blocks of random bits, of four elements each, come in groups of four: see src/ops/dropout.ts. */
const DROPOUT: Kernel = {
  shader: 'dropout',
  workgroups: ({ n }) => perElement(4 * Math.ceil(n / 16)),
  derived({ seed, stream, p }) {
    const { threshold, scale } = drawnProbability(p);
    return { seed, stream, threshold, scale };
  },
  integers: ['seed', 'stream', 'threshold'],
};

const ADAM: Kernel = {
  ...elementwise('adam'),
  derived({ beta1, beta2, epsilon, weightDecay }) {
    return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon, weightDecay };
  },
};

function product(shader: string, productOf: ProductKernel['productOf']): ProductKernel {
  return { shader, productOf };
}

/** A product of matrices in row-major order. */
function ofMatrices(product: Product): Product {
  const { M, N, transposeA = false, transposeB = false } = product;
  const readsAInFours = transposeA && M % 4 === 0;
  const readsBInFours = !transposeB && N % 4 === 0;
  return { ...product, readsAInFours, readsBInFours };
}

/** Phases along one side of an image, as shaders/conv2d.wgsl has them. */
function phasesOf(stride: number, dilation: number): number {
  return dilation === 1 && stride <= MOST_PHASES ? stride : 1;
}

const MOST_PHASES = 4;

/** What a convolution's three products multiply, from sizes as src/ops/conv2d.ts has them. */
function convolution(sizes: Sizes) {
  const { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, DH, DW, G } = sizes;
  const [phasesDown, phasesAcross] = [phasesOf(SH, DH), phasesOf(SW, DW)];
  return {
    G,
    taps: KH * KW,
    outputPixels: B * OH * OW,
    inputChannels: C / G,
    outputChannels: OC / G,
    phases: {
      count: phasesDown * phasesAcross,
      inputPixels: B * Math.ceil(H / phasesDown) * Math.ceil(W / phasesAcross),
      taps: Math.ceil(KH / phasesDown) * Math.ceil(KW / phasesAcross),
    },
    inputPixels: B * H * W,
  };
}

function convolutionForward(sizes: Sizes): Product {
  const { G, taps, outputPixels, inputChannels, outputChannels } = convolution(sizes);
  const readsBInFours = outputChannels % 4 === 0;
  return { M: outputPixels, N: outputChannels, K: taps * inputChannels, G, readsBInFours };
}

function convolutionBackwardWeight(sizes: Sizes): Product {
  const { G, taps, outputPixels, inputChannels, outputChannels } = convolution(sizes);
  return {
    M: taps * inputChannels,
    N: outputChannels,
    K: outputPixels,
    G,
    transposeA: true,
    readsAInFours: inputChannels % 4 === 0,
    readsBInFours: outputChannels % 4 === 0,
  };
}

function convolutionBackwardInput(sizes: Sizes): Product {
  const { G, phases, inputPixels, inputChannels, outputChannels } = convolution(sizes);
  return {
    M: phases.inputPixels,
    N: inputChannels,
    K: phases.taps * outputChannels,
    G,
    phases: phases.count,
    R: inputPixels,
    transposeB: true,
  };
}

const columnSums: Kernel = { shader: 'column-sums', plan: planColumnSums };

export const KERNELS: Readonly<Record<OpName, Kernel>> = {
  matmul: product('matmul', ({ M, N, K }, { transposeA, transposeB }) => {
    return ofMatrices({ M, N, K, transposeA: transposeA !== 0, transposeB: transposeB !== 0 });
  }),

  linearForward: product('linear', ({ B, I, O }) => {
    return ofMatrices({ M: B, N: O, K: I, hasBias: true });
  }),
  linearBackwardWeight: product('linear', ({ B, I, O }) => {
    return ofMatrices({ M: I, N: O, K: B, transposeA: true });
  }),
  linearBackwardInput: product('linear', ({ B, I, O }) => {
    return ofMatrices({ M: B, N: I, K: O, transposeB: true });
  }),
  linearBackwardBias: columnSums,

  conv2dForward: product('conv2d', convolutionForward),
  conv2dBiasForward: product('conv2d', (sizes) => ({
    ...convolutionForward(sizes),
    hasBias: true,
  })),
  conv2dBackwardWeight: product('conv2d', convolutionBackwardWeight),
  conv2dBackwardInput: product('conv2d', convolutionBackwardInput),
  conv2dBackwardBias: columnSums,

  reluForward: elementwise('relu'),
  reluBackward: elementwise('relu'),
  leakyReluForward: elementwise('leaky-relu'),
  leakyReluBackward: elementwise('leaky-relu'),
  geluForward: elementwise('gelu'),
  geluBackward: elementwise('gelu'),
  sigmoidForward: elementwise('sigmoid'),
  sigmoidBackward: elementwise('sigmoid'),
  tanhForward: elementwise('tanh'),
  tanhBackward: elementwise('tanh'),
  add: elementwise('add'),
  dropoutForward: DROPOUT,
  dropoutBackward: DROPOUT,
  channelsFirst: elementwise('image-layout'),
  channelsLast: elementwise('image-layout'),
  softmaxForward: { shader: 'softmax-cross-entropy', plan: planSoftmax, bindings: [1, 2] },
  softmaxCrossEntropyForward: { shader: 'softmax-cross-entropy', plan: planSoftmaxLoss },
  softmaxCrossEntropyBackward: lossBackward('softmax-cross-entropy'),
  binaryCrossEntropyForward: sum('binary-cross-entropy', 'binaryCrossEntropyForward'),
  binaryCrossEntropyBackward: lossBackward('binary-cross-entropy'),
  mnistLossForward: sum('mnist-loss', 'mnistLossForward'),
  mnistLossBackward: lossBackward('mnist-loss'),
  squaredErrorForward: sum('squared-error', 'squaredErrorForward'),
  squaredErrorBackward: elementwise('squared-error'),
  sgdUpdate: {
    ...elementwise('sgd'),
    derived: ({ weightDecay }) => ({ momentum: 0, weightDecay }),
    bindings: [0, 2, 3, 4],
  },
  sgdMomentumUpdate: elementwise('sgd'),
  sgdNesterovUpdate: elementwise('sgd'),
  adamUpdate: ADAM,
  adamWUpdate: ADAM,
  gatherBytes: {
    ...elementwise('gather'),
    derived: ({ mean, std }) => ({ scale: 1 / (255 * std), shift: -mean / std }),
  },
  gatherReals: elementwise('gather'),
  gatherLabels: elementwise('gather'),
  recordLoss: oneWorkgroup('step-state'),
  advance: { ...oneWorkgroup('step-state'), integers: ['batchSize'] },
  // Four bytes of index are a word.
  maxPool2dForward: poolingForward('max-pool2d', 4),
  maxPool2dBackward: elementwise('max-pool2d', WINDOW_ATTRIBUTES),
  averagePool2dForward: poolingForward('average-pool2d', 1),
  averagePool2dBackward: elementwise('average-pool2d', WINDOW_ATTRIBUTES),
  globalAveragePoolForward: { shader: 'global-average-pool', plan: planAveragePool },
  globalAveragePoolBackward: elementwise('global-average-pool'),
  batchNormStatistics: channelSums('batchNormStatistics', 'statisticsOfParts'),
  batchNormUpdateStatistics: elementwise('batch-norm', ['N']),
  batchNormForward: elementwise('batch-norm'),
  batchNormBackwardParameters: channelSums('batchNormBackwardParameters', 'gradientsOfParts'),
  batchNormBackwardInput: elementwise('batch-norm'),
  countConfusion: { shader: 'accuracy', workgroups: ({ B }) => perElement(B) },
  sumOfSquares: sum('gradient-norm', 'sumOfSquares', ['slot']),
  clipFactor: oneWorkgroup('gradient-norm'),
  scaleGradient: elementwise('gradient-norm'),
};

/** What a call of the op runs, with products cut as `cuts` says. */
export function planOf(op: OpName, sizes: Sizes, attributes: Attributes, cuts: Cuts): Plan {
  const kernel = KERNELS[op];
  if ('productOf' in kernel) {
    const product = kernel.productOf(sizes, attributes);
    return planProduct(kernel.shader, product, cuts.cutOf(kernel.shader, product));
  }
  if ('plan' in kernel) return kernel.plan(sizes, attributes);
  const workgroups = kernel.workgroups(sizes, attributes);
  return { passes: [{ entryPoint: op, workgroups }], scratch: 0 };
}

/** Whether passes of the op may leave numbers for each other, in a buffer that is bound for that. */
export function usesScratch(op: OpName): boolean {
  return !('workgroups' in KERNELS[op]);
}
