import type { OpName } from '../../ops/registry.js';

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

function elementwise(shader: string): Kernel {
  return { shader, workgroups: (sizes) => perElement(sizes.reduce((all, size) => all * size, 1)) };
}

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
  flattenForward: elementwise('flatten'),
  flattenBackward: elementwise('flatten'),
};
