import { TERMS_PER_BLOCK } from './ops/constants.js';

const SMALLEST = 2 ** -126;
const EPSILON = 2 ** -23;
const ROUNDINGS = 4;

/**
 * How far a float32 result may be from the exact one:
 *
 *   |got − want| ≤ 2⁻¹²⁶ + c ε √K · magnitude
 *
 *   ε = 2⁻²³     distance from 1 to the next float32; c = 4
 *   K            how many numbers the element is summed from, but at most TERMS_PER_BLOCK: roundings of
 *                either sign grow as √K, and long sums are trees of blocks of that length
 *   magnitude    Σ|aᵢbᵢ| of the sum: its value if nothing cancelled
 *   2⁻¹²⁶        the smallest normal float32, below which kernels may flush to zero
 *
 * Where nothing cancels, the magnitude is that of the result, and the bound is a relative error.
 *
 * @param terms K
 */
export function tolerance(terms: number, magnitude: number): number {
  const K = Math.min(Math.max(1, terms), TERMS_PER_BLOCK);
  return SMALLEST + ROUNDINGS * EPSILON * Math.sqrt(K) * magnitude;
}
