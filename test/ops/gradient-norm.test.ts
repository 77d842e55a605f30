import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradientNormCase } from '../../src/ops/gradient-norm.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectNear, extent, forAll, runOp, vector } from './checks.js';

describe('gradient norm', () => {
  it('refuses a factor that is not one number', () => {
    expect(
      callWith('clipFactor', { squares: [2] }, { attributes: { limit: 1 }, into: { factor: [2] } }),
    ).toThrow('clipFactor: expected factor of shape (1), got (2)');
    expect(callWith('scaleGradient', { dw: [4], factor: [4] })).toThrow(
      'scaleGradient: expected factor of shape (1), got (4)',
    );
  });
});

describeOnEachBackend('gradient norm', (backend) => {
  async function factorOf(squares: number[], limit: number): Promise<number> {
    const operands = { squares: vector(...squares) };
    const { factor } = await runOp(backend, 'clipFactor', operands, { attributes: { limit } });
    return factor[0];
  }

  it('agrees with the reference, with and without clipping', async () => {
    const sizes = fc.record({
      parameters: fc.array(extent(50), { minLength: 1, maxLength: 5 }),
      limit: fc.constantFrom(0.1, 1, 10),
    });
    await forAll(sizes, (random, { parameters, limit }) =>
      expectAgreement(gradientNormCase(random, parameters, limit), backend),
    );
  });

  it("writes each parameter's sum of squares to its slot, and leaves the others", async () => {
    const operands = { dw: vector(3, -4, 12), squares: vector(-1, -2, -3) };
    const { squares } = await runOp(backend, 'sumOfSquares', operands, { attributes: { slot: 1 } });
    expect([...squares]).toEqual([-1, 169, -3]);
  });

  it('takes the norm over all parameters', async () => {
    expectNear([await factorOf([9, 16], 1)], [1 / (5 + 1e-6)]);
  });

  it('has factor 1 for gradients within the limit', async () => {
    expect(await factorOf([9, 16], 10)).toBe(1);
  });

  it('is finite for a gradient of zero', async () => {
    expect(await factorOf([0, 0], 1)).toBe(1);
    expect(await factorOf([0, 0], 0)).toBe(0);
  });

  it('propagates NaN', async () => {
    expect(await factorOf([1, Number.NaN], 1)).toBeNaN();
  });

  it('scales every element', async () => {
    const operands = { dw: vector(1, -2, 3, -4, 5), factor: vector(0.5) };
    const { dw } = await runOp(backend, 'scaleGradient', operands);
    expect([...dw]).toEqual([0.5, -1, 1.5, -2, 2.5]);
  });

  /** Clips gradients as `clipNorm` does, and returns them. */
  async function clipped(gradients: readonly Float32Array[], limit: number) {
    let squares = vector(...gradients.map(() => 0));
    for (const [slot, data] of gradients.entries()) {
      const operands = { dw: { shape: [data.length], data }, squares };
      const result = await backend.call('sumOfSquares', operands, { attributes: { slot } });
      squares = result.squares as typeof squares;
    }
    const { factor } = await backend.call('clipFactor', { squares }, { attributes: { limit } });
    return Promise.all(
      gradients.map(async (data) => {
        const dw = { shape: [data.length], data };
        return (await backend.call('scaleGradient', { dw, factor })).dw.data;
      }),
    );
  }

  /** The same in float64, by the largest magnitude. */
  function expectClipped(
    got: readonly ArrayLike<number>[],
    gradients: readonly Float32Array[],
    limit: number,
  ) {
    const all = gradients.flatMap((data) => [...data]);
    const largest = Math.max(...all.map(Math.abs));
    const norm = largest * Math.hypot(...all.map((value) => value / largest));
    const factor = Math.min(1, limit / (norm + 1e-6));
    gradients.forEach((data, slot) => {
      data.forEach((value, i) => {
        const want = value * factor;
        const error = Math.abs(got[slot][i] - want);
        expect(error, `${slot}, ${i}: ${got[slot][i]}, expected ${want}`).toBeLessThanOrEqual(
          4e-6 * Math.abs(want) + 1.2e-38,
        );
      });
    });
  }

  const LARGEST = 3.4028234663852886e38;
  it.each([
    ['whose squares overflow', [[3e20, -4e20], [1e19]], 1],
    [
      'that are the largest',
      [
        [LARGEST, -LARGEST, LARGEST],
        [LARGEST, 1e30, 0],
      ],
      1,
    ],
    ['that are the largest, by a small limit', [[LARGEST, -LARGEST, LARGEST], [LARGEST]], 1e-3],
    ['where only one parameter has large ones', [[1, -2], [2e25], [3]], 0.5],
    [
      'whose sum of squares overflows, but no square',
      [
        [1.5e19, 1.5e19, 1.5e19],
        [1.5e19, -1e19],
      ],
      2,
    ],
    ['whose sums of squares overflow only together', [[1.8e19], [1.8e19], [1.8e19]], 2],
    ['around the change of units', [[1.1e15, 1e3], [1e14]], 1],
    ['just below the change of units', [[1.12e15], [-1e14]], 1],
    ['within a large limit', [[3e25, -4e25], [1e20]], 1e30],
    ['beyond a large limit', [[3e35, -4e35], [1e30]], 1e30],
    ['within the largest limit', [[1e38, -1e38], [1e38]], 3e38],
  ])('clips gradients %s', async (_title, values, limit) => {
    const gradients = values.map((each) => Float32Array.from(each));
    expectClipped(await clipped(gradients, limit), gradients, limit);
  });

  it('clips long gradients of large numbers', async () => {
    for (const magnitude of [1e16, 1e19, 1e30, 3e38]) {
      const gradients = [70_001, 3, 8193].map((length, slot) => {
        return Float32Array.from(
          { length },
          (_, i) => (((i * 37 + slot) % 101) / 50 - 1) * magnitude,
        );
      });
      expectClipped(await clipped(gradients, 5), gradients, 5);
    }
  });

  it('propagates infinities as NaN', async () => {
    const gradients = [Float32Array.of(1, Infinity), Float32Array.of(2)];
    const [[, infinite]] = await clipped(gradients, 1);
    expect(infinite).toBeNaN();
  });
});
