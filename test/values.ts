import { expect } from 'vitest';

/** How far a value may be from the one expected: `absolute + relative · |expected|`. */
export interface Tolerance {
  readonly absolute?: number;
  readonly relative?: number;
}

/** Fails with the first element that is too far off: NaN always is. */
export function expectClose(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { absolute = 0, relative = 0 }: Tolerance,
): void {
  expect(got.length, `length of ${name}`).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const bound = absolute + relative * Math.abs(want[i]);
    const isClose = Math.abs(got[i] - want[i]) <= bound;
    if (!isClose) expect.fail(`${name}[${i}] is ${got[i]}, expected ${want[i]} ± ${bound}`);
  }
}

/** Fails with the first element that differs at all. NaN equals nothing, and −0 is not 0. */
export function expectSameBits(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
): void {
  expect(got.length, `length of ${name}`).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const isSame = Object.is(got[i], want[i]) && !Number.isNaN(got[i]);
    if (!isSame) expect.fail(`${name}[${i}] is ${got[i]}, expected exactly ${want[i]}`);
  }
}
