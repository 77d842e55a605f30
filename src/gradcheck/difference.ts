import type { Tensor } from '../tensor.js';

/** One element of a tensor, as it is and as it should be. */
export interface Difference {
  /** What was being computed: the op, or the gradient. */
  readonly of: string;
  readonly tensor: string;
  readonly index: number;
  readonly got: number;
  readonly want: number;
  /** How far apart the two may be. */
  readonly bound: number;
}

/**
 * |got − want| / bound: above 1 is too far. NaN and infinities are infinitely far from everything,
 * infinities but from themselves.
 */
export function ratioOf({ got, want, bound }: Difference): number {
  if (got === want) return 0;
  const ratio = Math.abs(got - want) / bound;
  return Number.isNaN(ratio) ? Infinity : ratio;
}

/** The one that is further beyond, or nearer to, its bound. */
export function worse(a: Difference | undefined, b: Difference): Difference {
  return a === undefined || ratioOf(b) > ratioOf(a) ? b : a;
}

/** The element of `got` that is worst beside `want`. */
export function worstDifference(
  of: string,
  { name }: Tensor,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  boundOf: (index: number) => number,
): Difference {
  let worst: Difference | undefined;
  for (let index = 0; index < want.length; index++) {
    const bound = boundOf(index);
    worst = worse(worst, { of, tensor: name, index, got: got[index], want: want[index], bound });
  }
  if (worst === undefined) throw new RangeError(`${of}: expected values in ${name}, got none`);
  return worst;
}

/** `linearBackwardWeight: dW[3] is 1.5, expected 1.25 ± 1e-6`. */
export function formatDifference({ of, tensor, index, got, want, bound }: Difference): string {
  return `${of}: ${tensor}[${index}] is ${got}, expected ${want} ± ${bound.toPrecision(3)}`;
}
