import { shown } from './errors.js';
import type { Op } from './ops/define-op.js';
import { OPS, type OpName } from './ops/registry.js';
import { didYouMean, hasOwn } from './options.js';
import type { DataType, Tensor } from './tensor.js';

/** One kernel call of a step. */
export interface Call {
  readonly op: OpName;
  /** The part of the step it belongs to, for listings: `forward`, `backward`, … */
  readonly section: string;
  /** By role, in kernel order: outputs, updates, inputs. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** By name, in kernel order. */
  readonly attributes: Readonly<Record<string, number>>;
  /** Numbers that the op's shape rule derived, by name, in kernel order. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** @throws RangeError unless `op` is the name of an op */
export function expectOp(operation: string, op: unknown): asserts op is OpName {
  if (typeof op === 'string' && hasOwn(OPS, op)) return;
  const hint = typeof op === 'string' ? didYouMean(op, Object.keys(OPS)) : '';
  throw new RangeError(`${operation}: expected the name of an op, got ${shown(op)}${hint}`);
}

/** The definition of an op that is only known at run time. */
export function definitionOf(op: OpName): Op {
  return OPS[op] as unknown as Op;
}

/** The element type of one of an op's tensors. */
export function dtypeOf(op: OpName, role: string): DataType {
  return definitionOf(op).dtypes[role] ?? 'float32';
}

/** Terms of the sums in all elements of a call's first output: the multiply-adds of a GEMM. */
export function additionsOf(call: Call): number {
  const [output] = writtenBy(call);
  return definitionOf(call.op).terms(call.sizes, call.attributes) * output.size;
}

/** Tensors that a call writes: its outputs, then its updates. */
export function writtenBy({ op, tensors }: Call): Tensor[] {
  const { outputs, updates } = definitionOf(op);
  return [...outputs, ...updates].map((role) => tensors[role]);
}

/** Tensors that a call reads: its updates, then its inputs. */
export function readBy({ op, tensors }: Call): Tensor[] {
  const { updates, inputs } = definitionOf(op);
  return [...updates, ...inputs].map((role) => tensors[role]);
}

/** All tensors of a call, in kernel order: outputs, updates, inputs. */
export function touchedBy({ tensors }: Call): Tensor[] {
  return Object.values(tensors);
}
