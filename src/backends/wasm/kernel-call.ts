import { additionsOf, type Call, writtenBy as outputsOf } from '../../call.js';
import type { OpName } from '../../ops/registry.js';
import type { Tensor } from '../../tensor.js';
import { roundingErrors } from './memory/rounding-errors.js';

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
  /** Memory for the rounding errors of the first output, where a long sum needs it. */
  readonly errors?: Tensor;
}

export function kernelCallOf(call: Call): KernelCall {
  const { op, definition, tensors, sizes, attributes } = call;
  const inputs = definition.inputs.map((role) => tensors[role]);
  const outputs = outputsOf(call);
  const additions = additionsOf(call);
  const [output] = outputs;
  const errors = roundingErrors(op, additions / output.size, output);
  return { kernel: op, outputs, inputs, sizes, attributes, additions, ...(errors && { errors }) };
}

/** All tensors that a call writes. */
export function writtenBy({ outputs, errors }: KernelCall): Tensor[] {
  return errors ? [...outputs, errors] : [...outputs];
}

/** All tensors that a call reads or writes. */
export function touchedBy(call: KernelCall): Tensor[] {
  return [...writtenBy(call), ...call.inputs];
}
