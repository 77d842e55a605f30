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
});
