import { drawnProbability } from '../../ops/dropout.js';
import { type PoolingWindow, pooledShape, WINDOW_ATTRIBUTES } from '../../ops/max-pool2d.js';
import type { OpName } from '../../ops/registry.js';
import { sizeOf } from '../../tensor.js';

/** Workgroups in x, y and z. */
export type Workgroups = readonly [x: number, y?: number, z?: number];

type Numbers = Readonly<Record<string, number>>;

/** How an op runs on the GPU: as the entry point of its name in a shader. */
export interface Kernel {
  /** The shader's file, without `.wgsl`. */
  readonly shader: string;
  /** How many workgroups share the work. */
  workgroups(sizes: readonly number[], attributes: Numbers): Workgroups;
  /** What the shader takes in place of the attributes, in its order: numbers that f32 would spoil. */
  derived?(attributes: Numbers): Numbers;
  /** Attributes, or numbers derived of them, that the shader takes as u32; the others are f32. */
  readonly integers?: readonly string[];
  /** Where the shader has the op's tensors, outputs before inputs, if not at 0, 1, … */
  readonly bindings?: readonly number[];
}

/** Invocations of a workgroup where each works on elements of its own. */
const WORKGROUP = 256;
/** The most workgroups along one axis that every device offers. */
const MOST_GROUPS = 65_535;

/** One invocation per element, in two axes where one is too short. */
export function perElement(count: number): Workgroups {
  return inTwoAxes(Math.ceil(count / WORKGROUP));
}

/** That many workgroups, or a few more. */
function inTwoAxes(groups: number): Workgroups {
  const rows = Math.ceil(groups / MOST_GROUPS);
  return [Math.ceil(groups / rows), rows];
}

/** One invocation for each combination of the sizes: where they are an output's, per element. */
function elementwise(shader: string, integers: readonly string[] = []): Kernel {
  return { shader, integers, workgroups: (sizes) => perElement(sizeOf(sizes)) };
}

/** @param elements of y that an invocation computes */
function poolingForward(shader: string, elements: number): Kernel {
  return {
    shader,
    integers: WINDOW_ATTRIBUTES,
    workgroups(sizes, attributes) {
      const y = pooledShape(shader, sizes, attributes as unknown as PoolingWindow);
      return perElement(Math.ceil(sizeOf(y) / elements));
    },
  };
}

/** Channels of a workgroup that sums over the rows, as shaders/batch-norm.wgsl has it. */
const BATCH_NORM_COLUMNS = 8;

function batchNormSums(): Kernel {
  return { shader: 'batch-norm', workgroups: ([, C]) => [Math.ceil(C / BATCH_NORM_COLUMNS)] };
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
  workgroups: ([n]) => perElement(4 * Math.ceil(n / 16)),
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

/** Rows of a workgroup, as shaders/softmax-cross-entropy.wgsl has it. */
const SOFTMAX_ROWS = 64;

export const KERNELS: Partial<Readonly<Record<OpName, Kernel>>> = {
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
  flattenForward: elementwise('flatten'),
  flattenBackward: elementwise('flatten'),
  softmaxForward: {
    shader: 'softmax-cross-entropy',
    workgroups: ([B]) => inTwoAxes(Math.ceil(B / SOFTMAX_ROWS)),
    bindings: [1, 2],
  },
  softmaxCrossEntropyForward: {
    shader: 'softmax-cross-entropy',
    workgroups: ([B]) => inTwoAxes(1 + Math.ceil(B / SOFTMAX_ROWS)),
  },
  softmaxCrossEntropyBackward: lossBackward('softmax-cross-entropy'),
  binaryCrossEntropyForward: oneWorkgroup('binary-cross-entropy'),
  binaryCrossEntropyBackward: lossBackward('binary-cross-entropy'),
  mnistLossForward: oneWorkgroup('mnist-loss'),
  mnistLossBackward: lossBackward('mnist-loss'),
  squaredErrorForward: oneWorkgroup('squared-error'),
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
  globalAveragePoolForward: {
    shader: 'global-average-pool',
    workgroups: ([B, , C]) => perElement(B * C),
  },
  globalAveragePoolBackward: elementwise('global-average-pool'),
  batchNormStatistics: batchNormSums(),
  batchNormUpdateStatistics: elementwise('batch-norm', ['N']),
  batchNormForward: elementwise('batch-norm'),
  batchNormBackwardParameters: batchNormSums(),
  batchNormBackwardInput: elementwise('batch-norm'),
  countConfusion: { shader: 'accuracy', workgroups: ([B]) => perElement(B) },
  sumOfSquares: { shader: 'gradient-norm', integers: ['slot'], workgroups: () => [1] },
  clipFactor: { shader: 'gradient-norm', workgroups: () => [1] },
  scaleGradient: elementwise('gradient-norm'),
};
