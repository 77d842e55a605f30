import { describe, expect, it } from 'vitest';
import {
  type Difference,
  formatDifference,
  ratioOf,
  worse,
  worstDifference,
} from '../../src/gradcheck/difference.js';
import { persistent } from '../../src/tensor.js';

function difference(got: number, want: number, bound = 0.5): Difference {
  return { of: 'matmul', tensor: 'C', index: 3, got, want, bound };
}

describe('ratioOf', () => {
  it('is the distance in units of the bound', () => {
    expect(ratioOf(difference(3, 2))).toBe(2);
    expect(ratioOf(difference(2, 2))).toBe(0);
    expect(ratioOf(difference(2, 2, 0))).toBe(0);
    expect(ratioOf(difference(2, 3, 0))).toBe(Infinity);
  });

  it('is infinite for NaN on either side, and in the bound', () => {
    expect(ratioOf(difference(Number.NaN, 1))).toBe(Infinity);
    expect(ratioOf(difference(1, Number.NaN))).toBe(Infinity);
    expect(ratioOf(difference(Number.NaN, Number.NaN))).toBe(Infinity);
    expect(ratioOf(difference(1, 2, Number.NaN))).toBe(Infinity);
  });

  it('is infinite for an infinity that should be another number', () => {
    expect(ratioOf(difference(Infinity, 1, Infinity))).toBe(Infinity);
    expect(ratioOf(difference(Infinity, -Infinity))).toBe(Infinity);
    expect(ratioOf(difference(Infinity, Infinity))).toBe(0);
  });
});

describe('worstDifference', () => {
  it('finds the element with the largest error relative to its bound', () => {
    const C = persistent('C', [3]);
    const bounds = [1, 0.01, 1];
    const found = worstDifference('matmul', C, [1.5, 2.1, 3], [1, 2, 3], (i) => bounds[i]);
    expect(found).toEqual({ of: 'matmul', tensor: 'C', index: 1, got: 2.1, want: 2, bound: 0.01 });
  });

  it('treats missing values as wrong', () => {
    const found = worstDifference('matmul', persistent('C', [2]), [1], [1, 2], () => 1);
    expect(found.index).toBe(1);
    expect(ratioOf(found)).toBe(Infinity);
  });

  it('refuses to compare nothing', () => {
    expect(() => worstDifference('matmul', persistent('C', [0]), [], [], () => 1)).toThrow(
      'matmul: expected values in C, got none',
    );
  });
});

describe('worse', () => {
  it('keeps the first of two that are equally bad', () => {
    const [a, b] = [difference(3, 2), difference(1, 2)];
    expect(worse(undefined, a)).toBe(a);
    expect(worse(a, b)).toBe(a);
    expect(worse(a, difference(Number.NaN, 2)).got).toBeNaN();
  });
});

describe('formatDifference', () => {
  it('prints tensor, index, both values and the bound', () => {
    expect(formatDifference(difference(3, 2, 1e-7))).toBe(
      'matmul: C[3] is 3, expected 2 ± 1.00e-7',
    );
  });
});
