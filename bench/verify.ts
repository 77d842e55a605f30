/** Rounding unit of float32. */
const EPSILON = 2 ** -24;

/**
 * Whether every number is within the rounding error that a sum of `terms` products may have:
 *
 *   |got − want| ≤ 8 ε √terms · magnitude + 10⁻⁷
 *
 * @param magnitudes Σ|aᵢbᵢ| of each element
 */
export function agree(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  magnitudes: ArrayLike<number>,
  terms: number,
): boolean {
  for (let i = 0; i < want.length; i++) {
    const bound = 8 * EPSILON * Math.sqrt(terms) * magnitudes[i] + 1e-7;
    // Written so that NaN fails.
    if (!(Math.abs(got[i] - want[i]) <= bound)) return false;
  }
  return got.length === want.length;
}
