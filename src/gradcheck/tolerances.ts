import type { Call } from '../call.js';
import type { Magnitudes } from '../ops/cases.js';
import { CASES } from '../ops/registry.js';
import type { Values } from '../tensor.js';
import { tolerance } from '../tolerance.js';

/** Operands or results of a call, by role. */
export type ValuesByRole = Readonly<Record<string, Values>>;

/** By name of the op. */
const MAGNITUDES: ReadonlyMap<string, Magnitudes> = new Map(
  CASES.flatMap(({ magnitudes }) => Object.entries(magnitudes)),
);

/**
 * Largest allowed error of each element of a float32 kernel, compared with the float64 reference on
 * the same operands; see src/tolerance.ts. The bound is 0 for inputs, which must not change, and
 * for integers.
 *
 * @param operands values that the call reads
 * @param want results of the reference
 */
export function boundsOf(
  call: Call,
  operands: ValuesByRole,
  want: ValuesByRole,
): (role: string, index: number) => number {
  const { op, definition, sizes, attributes, tensors } = call;
  const { outputs, updates, terms, reference } = definition;
  const magnitudes = MAGNITUDES.get(op);
  if (!magnitudes) throw new RangeError(`${op}: expected magnitudes beside its cases, got none`);
  const sums = {
    ...want,
    ...magnitudes(operands, {
      sizes,
      attributes,
      reference: (values, numbers) => reference(values, sizes, numbers),
    }),
  };
  const K = terms(sizes, attributes);
  const written = [...outputs, ...updates];
  return (role, index) => {
    if (tensors[role].dtype !== 'float32' || !written.includes(role)) return 0;
    return tolerance(K, Math.abs(sums[role][index]));
  };
}
