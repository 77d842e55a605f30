import { describe, expect, it } from 'vitest';
import { expectedProduct } from '../../src/bench/matmul.js';
import { faultOf, lossFault } from '../../src/bench/verify.js';

const SIZES = { m: 2, k: 3, n: 2, transpose: 'NN' } as const;
const A = Float32Array.of(1, 2, 3, 4, 5, 6);
const B = Float32Array.of(1, 0, 0, 1, 1, 1);
const C = [4, 5, 10, 11];
const EXPECTED = expectedProduct(A, B, SIZES);

describe('verification', () => {
  it.each([
    ['NN', A, B],
    ['TN', Float32Array.of(1, 4, 2, 5, 3, 6), B],
    ['NT', A, Float32Array.of(1, 0, 1, 0, 1, 1)],
  ] as const)('multiplies operands that are stored as %s', (transpose, a, b) => {
    expect([...Array.from(expectedProduct(a, b, { ...SIZES, transpose }).want)]).toEqual(C);
  });

  it.each([
    ['a wrong element', [4, 5, 10.001, 11], 'element 2'],
    ['NaN', [4, Number.NaN, 10, 11], 'element 1'],
    ['a result that is too short', [4, 5, 10], '4 elements, got 3'],
  ])('refuses %s', (_, got, fault) => {
    expect(faultOf(got, EXPECTED)).toContain(fault);
  });

  it('accepts differences by rounding', () => {
    const got = C.map((value) => value * (1 + 2 ** -23));
    expect(faultOf(got, EXPECTED)).toBeUndefined();
    expect(lossFault([2.3, 2.2], [2.30001, 2.2])).toBeUndefined();
  });

  it('names the step of a wrong loss, and is stricter about the first', () => {
    expect(lossFault([2.3, 2.21], [2.3, 2.2])).toContain('step 2');
    expect(lossFault([2.3, 2.2003], [2.3, 2.2])).toBeUndefined();
    expect(lossFault([2.3003, 2.2], [2.3, 2.2])).toContain('step 1');
    expect(lossFault([Number.NaN], [2.3])).toContain('step 1');
  });
});
