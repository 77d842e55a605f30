/** Whether a contestant computed what it was asked to. */

/** Rounding unit of float32. */
const EPSILON = 2 ** -24;

/** By this part of itself the first loss may differ, which has passed through rounding alone. */
const FIRST_LOSS_TOLERANCE = 1e-5;
/**
 * The later ones. Where a unit's input is zero up to rounding, ReLU's gradient is 0 for one engine
 * and 1 for another, both rightly; one such unit of one example has moved the next loss by 10⁻⁴. A
 * step lowers the loss by some percent, so this much still shows a gradient that is wrong.
 */
const LATER_LOSS_TOLERANCE = 1e-3;

/**
 * C = A·B in float64, and the same with absolute values, which bounds the rounding errors.
 *
 * @param {{ m: number, k: number, n: number, transpose: string }} sizes
 */
export function expectedProduct(a, b, { m, k, n, transpose }) {
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  const C = new Float64Array(m * n);
  const magnitudes = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const x = transposeA ? a[l * m + i] : a[i * k + l];
      for (let j = 0; j < n; j++) {
        const term = x * (transposeB ? b[j * k + l] : b[l * n + j]);
        C[i * n + j] += term;
        magnitudes[i * n + j] += Math.abs(term);
      }
    }
  }
  return { C, magnitudes };
}

/**
 * Undefined where every element is within the rounding error that a sum of k products may have,
 *
 *   |got − want| ≤ 8 ε √k · Σ|aᵢbᵢ| + 10⁻⁷
 *
 * otherwise what is wrong with the first one that is not.
 */
export function productFault(got, { C, magnitudes }, k) {
  if (got.length !== C.length) return `expected ${C.length} elements, got ${got.length}`;
  for (let i = 0; i < C.length; i++) {
    const bound = 8 * EPSILON * Math.sqrt(k) * magnitudes[i] + 1e-7;
    // Written so that NaN is a fault.
    if (Math.abs(got[i] - C[i]) <= bound) continue;
    return `expected ${C[i]} ± ${bound.toExponential(1)} at element ${i}, got ${got[i]}`;
  }
  return undefined;
}

/** The same for the losses of the first steps. */
export function lossFault(got, want) {
  if (got.length !== want.length) return `expected ${want.length} losses, got ${got.length}`;
  for (const [step, loss] of want.entries()) {
    const tolerance = step === 0 ? FIRST_LOSS_TOLERANCE : LATER_LOSS_TOLERANCE;
    if (Math.abs(got[step] - loss) <= tolerance * Math.abs(loss)) continue;
    return `expected a loss of ${loss} in step ${step + 1}, got ${got[step]}`;
  }
  return undefined;
}
