import type { Values } from '../tensor.js';

/**
 * Stores sums that are accumulated in float64 and rounded once, where a loop visits the terms of many
 * sums in turn.
 *
 * @param accumulate adds terms to sums that start from 0, one for each element of `result`
 */
export function sumInto(result: Values, accumulate: (sums: Float64Array) => void): void {
  const sums = new Float64Array(result.length);
  accumulate(sums);
  result.set(sums);
}
