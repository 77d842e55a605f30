import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tanhCase } from '../../src/ops/tanh.js';
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

/** The bounds of tanh4 in assembly/tanh.ts and preciseTanh in shaders/tanh.wgsl, in ULP. */
const LARGEST_ERROR = { cpu: 1.34, gpu: 3.4 };

describe('tanh', () => {
  it('has the gradient that central differences find', async () => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) => expectGradients(tanhCase(random, shape)));
  });

  it('refuses tensors of different shapes', () => {
    expect(callWith('tanhForward', { x: [6] }, { into: { y: [2, 3] } })).toThrow(
      'tanhForward: expected y of shape (6), got (2, 3)',
    );
    expect(callWith('tanhBackward', { dy: [4], y: [4] }, { into: { dx: [3] } })).toThrow(
      'tanhBackward: expected dx of shape (4), got (3)',
    );
  });
});

describeOnEachBackend('tanh', (backend) => {
  it('agrees with the reference', async () => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) => expectAgreement(tanhCase(random, shape), backend));
  });

  it('is 0 at zero and reaches ±1 without overflow', async () => {
    const x = vector(0, 1000, -1000, Infinity, -Infinity);
    const { y } = await runOp(backend, 'tanhForward', { x });
    expect([...y]).toEqual([0, 1, -1, 1, -1]);
  });

  it('is odd, and x itself near zero', async () => {
    const x = vector(1e-6, -1e-6, 0.5, -0.5, 0.7, -0.7);
    const { y } = await runOp(backend, 'tanhForward', { x });
    const [half, more] = [0.46211715726001, 0.60436777711716];
    expectNear(y, [1e-6, -1e-6, half, -half, more, -more]);
  });

  const largest = boundOn(backend, LARGEST_ERROR);

  it(`is within ${largest} ULP`, async () => {
    for (const [from, to] of [
      [2 ** -30, 10],
      [-(2 ** -30), -10],
    ]) {
      const values = float32Between(from, to, 100_000);
      const x = { data: values, shape: [values.length] };
      const { y } = await runOp(backend, 'tanhForward', { x });
      const worst = worstUlp(y, values, Math.tanh);
      expect(worst.error, `tanh(${worst.x})`).toBeLessThanOrEqual(largest);
    }
  });

  it('propagates NaN', async () => {
    const x = vector(1, Number.NaN, 1);
    const { y } = await runOp(backend, 'tanhForward', { x });
    expect([...y].map(Number.isNaN)).toEqual([false, true, false]);
  });

  it('has slope 1 where y = 0, and 0 where it is saturated', async () => {
    const operands = { dy: vector(8, 8, 8, 8), y: vector(0, 0.5, 1, -1) };
    const { dx } = await runOp(backend, 'tanhBackward', operands);
    expect([...dx]).toEqual([8, 6, 0, 0]);
  });
});
