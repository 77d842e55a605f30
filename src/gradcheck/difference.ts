import type { Tensor } from '../tensor.js';

/** One element of a tensor: actual and expected value. */
export interface Difference {
  /** The op, or the title of the gradient case. */
  readonly of: string;
  /** Name of the tensor. */
  readonly tensor: string;
  readonly index: number;
  readonly got: number;
  readonly want: number;
  /** Largest |got − want| that passes. */
  readonly bound: number;
}

/**
 * |got − want| / bound; above 1, the element fails. The ratio is infinite if either value is NaN,
 * or if one is infinite and the other is not the same infinity.
 */
export function ratioOf({ got, want, bound }: Difference): number {
  if (got === want) return 0;
  const ratio = Math.abs(got - want) / bound;
  return Number.isNaN(ratio) ? Infinity : ratio;
}

/** The difference with the larger ratio. */
export function worse(a: Difference | undefined, b: Difference): Difference {
  return a === undefined || ratioOf(b) > ratioOf(a) ? b : a;
}

/**
 * The element with the largest ratio.
 *
 * @throws RangeError without elements
 */
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
