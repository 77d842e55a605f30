import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sigmoidCase } from '../../src/ops/sigmoid.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  runOp,
  vector,
} from './checks.js';
import { boundOn, float32Between, worstUlp } from './ulp.js';

/** The bounds of sigmoid4 in assembly/sigmoid.ts and sigmoidFrom in shaders/exp.wgsl, in ULP. */
const LARGEST_ERROR = { cpu: 2.41, gpu: 6.1 };

describe('sigmoid', () => {
  it('has the gradient that central differences find', async () => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) => expectGradients(sigmoidCase(random, shape)));
  });

  it('refuses tensors of different shapes', () => {
    expect(callWith('sigmoidForward', { x: [6] }, { into: { y: [2, 3] } })).toThrow(
      'sigmoidForward: expected y of shape (6), got (2, 3)',
    );
    expect(callWith('sigmoidBackward', { dy: [4], y: [4] }, { into: { dx: [3] } })).toThrow(
      'sigmoidBackward: expected dx of shape (4), got (3)',
    );
  });
});

describeOnEachBackend('sigmoid', (backend) => {
  it('agrees with the reference', async () => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) => expectAgreement(sigmoidCase(random, shape), backend));
  });

  it('is ½ at zero and reaches 0 and 1 without overflow', async () => {
    const x = vector(0, 1000, -1000, Infinity, -Infinity);
    const { y } = await runOp(backend, 'sigmoidForward', { x });
    expect([...y]).toEqual([0.5, 1, 0, 1, 0]);
  });

  it('is eˣ for very negative x, where 1 − σ(−x) would be zero', async () => {
    const x = vector(-20, -50, -80);
    const { y } = await runOp(backend, 'sigmoidForward', { x });
    expectNear(y, [2.061153618190204e-9, 1.928749847963918e-22, 1.80485138784542e-35]);
  });

  const largest = boundOn(backend, LARGEST_ERROR);

  it(`is within ${largest} ULP`, async () => {
    for (const [from, to] of [
      [-87.33654, -(2 ** -30)],
      [2 ** -30, 100],
    ]) {
      const values = float32Between(from, to, 100_000);
      const x = { data: values, shape: [values.length] };
      const { y } = await runOp(backend, 'sigmoidForward', { x });
      const worst = worstUlp(y, values, (x) => 1 / (1 + Math.exp(-x)));
      expect(worst.error, `sigmoid(${worst.x})`).toBeLessThanOrEqual(largest);
    }
  });

  it('propagates NaN', async () => {
    const x = vector(1, Number.NaN, 1);
    const { y } = await runOp(backend, 'sigmoidForward', { x });
    expect([...y].map(Number.isNaN)).toEqual([false, true, false]);
  });

  it('has slope ¼ where y = ½, and 0 where it is saturated', async () => {
    const operands = { dy: vector(8, 8, 8), y: vector(0.5, 0, 1) };
    const { dx } = await runOp(backend, 'sigmoidBackward', operands);
    expect([...dx]).toEqual([2, 0, 0]);
  });
});
