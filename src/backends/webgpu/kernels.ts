import { type PoolingWindow, pooledShape, WINDOW_ATTRIBUTES } from '../../ops/max-pool2d.js';
import type { OpName } from '../../ops/registry.js';
import { sizeOf } from '../../tensor.js';

/** Workgroups in x, y and z. */
export type Workgroups = readonly [x: number, y?: number, z?: number];

/** How an op runs on the GPU: as the entry point of its name in a shader. */
export interface Kernel {
  /** The shader's file, without `.wgsl`. */
  readonly shader: string;
  /** How many workgroups share the work. */
  workgroups(sizes: readonly number[], attributes: Readonly<Record<string, number>>): Workgroups;
  /** Attributes that the shader takes as u32; the others are f32. */
  readonly integers?: readonly string[];
}

/** Invocations of a workgroup where each works on elements of its own. */
const WORKGROUP = 256;
/** The most workgroups along one axis that every device offers. */
const MOST_GROUPS = 65_535;

/** One invocation per element, in two axes where one is too short. */
export function perElement(count: number): Workgroups {
  const groups = Math.ceil(count / WORKGROUP);
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

export const KERNELS: Partial<Readonly<Record<OpName, Kernel>>> = {
  reluForward: elementwise('relu'),
  reluBackward: elementwise('relu'),
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
