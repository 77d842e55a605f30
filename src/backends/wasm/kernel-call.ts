import { additionsOf, type Call, definitionOf, writtenBy } from '../../call.js';
import { OPS, type OpName } from '../../ops/registry.js';
import type { Tensor } from '../../tensor.js';

/** Kernels that compute two neighbouring calls; fuse.ts chooses them and orders their arguments. */
export const FUSED_KERNELS = [
  'softmaxCrossEntropyGradient',
  'linearReluForward',
  'conv2dBiasReluForward',
  'conv2dBiasMaxPool2dForward',
  'conv2dBiasReluMaxPool2dForward',
  'conv2dBackwardWeightBias',
  'maxPool2dReluBackward',
] as const;

export type KernelName = OpName | (typeof FUSED_KERNELS)[number];

/** Every kernel that the core exports, in the order of its function table. */
export const KERNELS: readonly KernelName[] = [...(Object.keys(OPS) as OpName[]), ...FUSED_KERNELS];

/** A call as the core runs it: a kernel, and its arguments in kernel order. */
export interface KernelCall {
  readonly kernel: KernelName;
  /** Tensors that are written: outputs, then updates. */
  readonly outputs: readonly Tensor[];
  readonly inputs: readonly Tensor[];
  /** By name, in kernel order. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly attributes: Readonly<Record<string, number>>;
  /** Terms of the sums in all elements of the first output: the multiply-adds of a GEMM. */
  readonly additions: number;
}

export function kernelCallOf(call: Call): KernelCall {
  const { op, tensors, sizes, attributes } = call;
  const inputs = definitionOf(op).inputs.map((role) => tensors[role]);
  const outputs = writtenBy(call);
  return { kernel: op, outputs, inputs, sizes, attributes, additions: additionsOf(call) };
}

/** All tensors that a call reads or writes. */
export function touchedBy({ outputs, inputs }: KernelCall): Tensor[] {
  return [...outputs, ...inputs];
}
