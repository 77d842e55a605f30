/** Comparison of a candidate's result with the float64 reference. */

import { tolerance } from '../tolerance.js';

/** Relative tolerance of the first loss, which differs by rounding alone. */
const FIRST_LOSS_TOLERANCE = 1e-5;
/**
 * Relative tolerance of later losses. Where the input of a unit is zero up to rounding, ReLU's
 * gradient may be 0 on one engine and 1 on another, and both are right; one such unit of one example
 * has changed the next loss by 10⁻⁴. A step lowers the loss by several percent, so a wrong gradient
 * still exceeds this.
 */
const LATER_LOSS_TOLERANCE = 1e-3;

/** The expected elements of a result that is a sum of products, and Σ|aᵢbᵢ| of each. */
export interface Expected {
  readonly want: ArrayLike<number>;
  readonly magnitudes: ArrayLike<number>;
  /** Terms of each sum. */
  readonly terms: number;
}

/**
 * Describes the first element that is further from the reference than rounding explains.
 *
 * @returns undefined if there is none
 */
export function faultOf(
  got: ArrayLike<number>,
  { want, magnitudes, terms }: Expected,
): string | undefined {
  if (got.length !== want.length) return `expected ${want.length} elements, got ${got.length}`;
  for (let i = 0; i < want.length; i++) {
    const bound = tolerance(terms, magnitudes[i]);
    // NaN compares false, and so is a fault.
    if (Math.abs(got[i] - want[i]) <= bound) continue;
    return `expected ${want[i]} ± ${bound.toExponential(1)} at element ${i}, got ${got[i]}`;
  }
  return undefined;
}

/** `faultOf` for the losses of the first steps. */
export function lossFault(got: readonly number[], want: readonly number[]): string | undefined {
  if (got.length !== want.length) return `expected ${want.length} losses, got ${got.length}`;
  for (const [i, loss] of want.entries()) {
    const share = i === 0 ? FIRST_LOSS_TOLERANCE : LATER_LOSS_TOLERANCE;
    if (Math.abs(got[i] - loss) <= share * Math.abs(loss)) continue;
    return `expected a loss of ${loss} in step ${i + 1}, got ${got[i]}`;
  }
  return undefined;
}
