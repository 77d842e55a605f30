import type { Op } from './ops/define-op.js';
import type { OpName } from './ops/registry.js';
import type { DataType, Tensor } from './tensor.js';

/** One kernel call of a step. */
export interface Call {
  /** The name of the op. */
  readonly op: OpName;
  readonly definition: Op;
  /** The part of the step it belongs to, for listings: `forward`, `backward`, … */
  readonly section: string;
  /** By role, in kernel order: outputs, updates, inputs. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** By name, in kernel order. */
  readonly attributes: Readonly<Record<string, number>>;
  /** Numbers that the op's shape rule derived, by name, in kernel order. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The element type of one of an op's tensors. */
export function dtypeOf({ dtypes }: Op, role: string): DataType {
  return dtypes[role] ?? 'float32';
}

/** Terms of the sums in all elements of a call's first output: the multiply-adds of a GEMM. */
export function additionsOf(call: Call): number {
  const [output] = writtenBy(call);
  return call.definition.terms(call.sizes, call.attributes) * output.size;
}

/** Tensors that a call writes: its outputs, then its updates. */
export function writtenBy({ definition, tensors }: Call): Tensor[] {
  const { outputs, updates } = definition;
  return [...outputs, ...updates].map((role) => tensors[role]);
}

/** Tensors that a call reads: its updates, then its inputs. */
export function readBy({ definition, tensors }: Call): Tensor[] {
  const { updates, inputs } = definition;
  return [...updates, ...inputs].map((role) => tensors[role]);
}

/** All tensors of a call, in kernel order: outputs, updates, inputs. */
export function touchedBy({ tensors }: Call): Tensor[] {
  return Object.values(tensors);
}
