import { drawnProbability } from '../../../ops/dropout.js';
import { type PoolingWindow, pooledShape, WINDOW_ATTRIBUTES } from '../../../ops/pooling-window.js';
import type { OpName } from '../../../ops/registry.js';
import { sizeOf } from '../../../tensor.js';
import {
  convolutionBackwardInput,
  convolutionBackwardWeight,
  convolutionForward,
} from '../gemm/convolution.js';
import { type Gemm, planGemm } from '../gemm/gemm.js';
import type { Tilings } from '../gemm/tilings.js';
import { DROPOUT_BLOCKS, INDICES_PER_WORD } from '../shaders/constants.js';
import { inTwoAxes, type Plan, perElement, type Workgroups } from './passes.js';
import {
  planAveragePool,
  planChannelSums,
  planColumnSums,
  planEmbeddingBackward,
  planRows,
  planSoftmax,
  planSoftmaxLoss,
  planSum,
} from './reductions.js';

type Sizes = Readonly<Record<string, number>>;
type Attributes = Readonly<Record<string, number>>;

interface InShader {
  /** The shader's file, without `.wgsl`. */
  readonly shader: string;
  /** The attributes as the shader takes them, in its order, computed in float64 before they are rounded. */
  derived?(attributes: Attributes): Attributes;
  /** Attributes, or derived attributes, that the shader takes as u32; the others are f32. */
  readonly integers?: readonly string[];
  /** Bindings of the op's tensors in the shader, outputs and updates before inputs; 0, 1, … by default. */
  readonly bindings?: readonly number[];
}

/** A kernel with a single pass, whose entry point has the op's name. */
interface SinglePass extends InShader {
  workgroups(sizes: Sizes, attributes: Attributes): Workgroups;
}

/** A kernel with several passes, or with values for `override` constants. */
interface Planned extends InShader {
  plan(sizes: Sizes, attributes: Attributes): Plan;
}

/** A kernel that is a GEMM, whose tiling is chosen when a step is compiled. */
export interface GemmKernel extends InShader {
  gemmOf(sizes: Sizes, attributes: Attributes): Gemm;
}

/** How an op runs on the GPU: the shader's file, and how its passes are derived from a call. */
export type Kernel = SinglePass | Planned | GemmKernel;

/** One invocation for each element of a tensor whose shape is the op's sizes. */
function elementwise(shader: string, integers: readonly string[] = []): SinglePass {
  return { shader, integers, workgroups: (sizes) => perElement(sizeOf(Object.values(sizes))) };
}

/** @param elements elements of y that an invocation computes */
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

/**
 * Sums over the rows.
 *
 * @param second entry point that combines the splits
 */
function channelSums(shader: string, entryPoint: OpName, second: string): Kernel {
  return { shader, plan: (sizes) => planChannelSums(entryPoint, second, sizes) };
}

/** N rows of C elements, each reduced by itself. */
function rows(shader: string, entryPoint: OpName): Kernel {
  return { shader, plan: ({ N, C }) => planRows(entryPoint, N, C) };
}

/** A workgroup for each group of each image. */
function groups(entryPoint: OpName): Kernel {
  const plan = ({ B, G }: Sizes, { groups = G }: Attributes) => ({
    passes: [{ entryPoint, workgroups: inTwoAxes(B * groups) }],
    scratchBytes: 0,
  });
  return { shader: 'group-norm', integers: ['groups'], plan };
}

/** A sum whose number of terms is the first size. */
function sum(shader: string, entryPoint: OpName, integers: readonly string[] = []): Kernel {
  return { shader, integers, plan: (sizes) => planSum(entryPoint, Object.values(sizes)[0]) };
}

function oneWorkgroup(shader: string): Kernel {
  return { shader, workgroups: () => [1] };
}

/** Binds dz, p and t. The forward pass binds L, p, z and t, and t has the same binding in both. */
function lossBackward(shader: string): Kernel {
  return { ...elementwise(shader), bindings: [0, 1, 3] };
}

/** One invocation per random block of four elements; blocks come in groups: see src/ops/dropout.ts. */
const DROPOUT: Kernel = {
  shader: 'dropout',
  workgroups: ({ n }) => perElement(DROPOUT_BLOCKS * Math.ceil(n / (4 * DROPOUT_BLOCKS))),
  derived({ seed, stream, p }) {
    const { threshold, scale } = drawnProbability(p);
    return { seed, stream, threshold, scale };
  },
  integers: ['seed', 'stream', 'threshold'],
};

const ADAM: Kernel = {
  ...elementwise('adam'),
  derived({ beta1, beta2, epsilon, weightDecay }) {
    return { beta1, complement1: 1 - beta1, beta2, complement2: 1 - beta2, epsilon, weightDecay };
  },
};

function gemm(shader: string, gemmOf: GemmKernel['gemmOf']): GemmKernel {
  return { shader, gemmOf };
}

/** The GEMM of matrices in row-major order. */
function ofMatrices(matrices: Gemm): Gemm {
  const { M, N, transposeA = false, transposeB = false } = matrices;
  const vec4A = transposeA && M % 4 === 0;
  const vec4B = !transposeB && N % 4 === 0;
  return { ...matrices, vec4A, vec4B };
}

const columnSums: Kernel = { shader: 'column-sums', plan: planColumnSums };

/** The kernel of each op. */
export const KERNELS: Readonly<Record<OpName, Kernel>> = {
  matmul: gemm('matmul', ({ M, N, K }, { transposeA, transposeB }) => {
    return ofMatrices({ M, N, K, transposeA: transposeA !== 0, transposeB: transposeB !== 0 });
  }),

  linearForward: gemm('linear', ({ B, I, O }) => {
    return ofMatrices({ M: B, N: O, K: I, hasBias: true });
  }),
  linearBackwardWeight: gemm('linear', ({ B, I, O }) => {
    return ofMatrices({ M: I, N: O, K: B, transposeA: true });
  }),
  linearBackwardInput: gemm('linear', ({ B, I, O }) => {
    return ofMatrices({ M: B, N: I, K: O, transposeB: true });
  }),
  linearBackwardBias: columnSums,

  conv2dForward: gemm('conv2d', convolutionForward),
  conv2dBiasForward: gemm('conv2d', (sizes) => ({
    ...convolutionForward(sizes),
    hasBias: true,
  })),
  conv2dBackwardWeight: gemm('conv2d', convolutionBackwardWeight),
  conv2dBackwardInput: gemm('conv2d', convolutionBackwardInput),
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
  maxPool2dForward: poolingForward('max-pool2d', INDICES_PER_WORD),
  maxPool2dBackward: elementwise('max-pool2d', WINDOW_ATTRIBUTES),
  averagePool2dForward: poolingForward('average-pool2d', 1),
  averagePool2dBackward: elementwise('average-pool2d', WINDOW_ATTRIBUTES),
  globalAveragePoolForward: { shader: 'global-average-pool', plan: planAveragePool },
  globalAveragePoolBackward: elementwise('global-average-pool'),
  batchNormStatistics: channelSums('batch-norm', 'batchNormStatistics', 'combineStatistics'),
  updateRunningStatistics: elementwise('running-statistics', ['N']),
  batchNormForward: elementwise('batch-norm'),
  batchNormBackwardParameters: channelSums(
    'batch-norm',
    'batchNormBackwardParameters',
    'combineGradients',
  ),
  batchNormBackwardInput: elementwise('batch-norm'),
  embeddingForward: elementwise('embedding'),
  embeddingBackward: { shader: 'embedding', plan: planEmbeddingBackward },
  layerNormForward: rows('layer-norm', 'layerNormForward'),
  layerNormBackwardParameters: channelSums(
    'layer-norm',
    'layerNormBackwardParameters',
    'combineGradients',
  ),
  layerNormBackwardInput: rows('layer-norm', 'layerNormBackwardInput'),
  groupNormForward: groups('groupNormForward'),
  groupNormBackwardParameters: {
    shader: 'group-norm',
    plan: ({ B, P, C }) =>
      planChannelSums('groupNormBackwardParameters', 'combineGradients', { N: B * P, C }),
  },
  groupNormBackwardInput: groups('groupNormBackwardInput'),
  countCorrect: { shader: 'accuracy', workgroups: ({ B }) => perElement(B) },
  countConfusion: { shader: 'accuracy', workgroups: ({ B }) => perElement(B) },
  sumOfSquares: sum('gradient-norm', 'sumOfSquares', ['slot']),
  clipFactor: oneWorkgroup('gradient-norm'),
  scaleGradient: elementwise('gradient-norm'),
};

/** The passes of a call; the tiling of a GEMM is looked up in `tilings`. */
export function planOf(op: OpName, sizes: Sizes, attributes: Attributes, tilings: Tilings): Plan {
  const kernel = KERNELS[op];
  if ('gemmOf' in kernel) {
    const gemm = kernel.gemmOf(sizes, attributes);
    return planGemm(gemm, tilings.tilingOf(kernel.shader, gemm));
  }
  if ('plan' in kernel) return kernel.plan(sizes, attributes);
  const workgroups = kernel.workgroups(sizes, attributes);
  return { passes: [{ entryPoint: op, workgroups }], scratchBytes: 0 };
}

/** The binding of a call's tensor number `i`: outputs and updates, then inputs. */
export function bindingOf(op: OpName, i: number): number {
  return KERNELS[op].bindings?.[i] ?? i;
}

/** Whether the op's kernel binds scratch memory. */
export function usesScratch(op: OpName): boolean {
  return !('workgroups' in KERNELS[op]);
}
