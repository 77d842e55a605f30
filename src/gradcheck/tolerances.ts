import type { Magnitudes } from '../ops/cases.js';
import { CASES } from '../ops/registry.js';
import { type Call, definitionOf } from '../step.js';
import type { Values } from '../tensor.js';
import { tolerance } from '../tolerance.js';

/** An op's operands or results, by role. */
export type ValuesByRole = Readonly<Record<string, Values>>;

/** By op. */
const MAGNITUDES: ReadonlyMap<string, Magnitudes> = new Map(
  CASES.flatMap(({ magnitudes }) => Object.entries(magnitudes)),
);

/**
 * How far each element of each output of a float32 kernel may be from the float64 reference that was
 * given the same numbers: src/tolerance.ts. Inputs must be unchanged, and integers equal.
 *
 * @param operands what the call reads
 * @param want the reference's results
 */
export function boundsOf(
  call: Call,
  operands: ValuesByRole,
  want: ValuesByRole,
): (role: string, index: number) => number {
  const { op, sizes, attributes } = call;
  const { outputs, updates, terms, reference } = definitionOf(op);
  const magnitudes = MAGNITUDES.get(op);
  if (!magnitudes) throw new RangeError(`${op}: expected magnitudes beside its cases, got none`);
  const sums = {
    ...want,
    ...magnitudes(operands, {
      sizes,
      attributes,
      reference: (tensors, numbers) => reference(tensors, sizes, numbers),
    }),
  };
  const K = terms(sizes, attributes);
  const written = [...outputs, ...updates];
  return (role, index) => {
    if (isInteger(want[role]) || !written.includes(role)) return 0;
    return tolerance(K, Math.abs(sums[role][index]));
  };
}

function isInteger(values: Values): boolean {
  return values instanceof Int32Array || values instanceof Uint8Array;
}
