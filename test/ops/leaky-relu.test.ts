import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leakyReluCase } from '../../src/ops/leaky-relu.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  runOp,
  vector,
} from './checks.js';

/** A slope from 0 to 1, sometimes exactly 0 or 1. */
const slope = fc.double({ min: 0, max: 1, noNaN: true });

describe('leaky-relu', () => {
  it('has the gradient that central differences find', async () => {
    const cases = fc.tuple(extent(6), extent(6), slope);
    await forAll(cases, (random, [M, N, s]) => expectGradients(leakyReluCase(random, [M, N], s)));
  });

  it('refuses tensors of different shapes, and a slope below zero', () => {
    const attributes = { negativeSlope: 0.01 };
    expect(
      callWith('leakyReluForward', { x: [3, 2] }, { attributes, into: { y: [2, 3] } }),
    ).toThrow('leakyReluForward: expected y of shape (3, 2), got (2, 3)');
    expect(callWith('leakyReluBackward', { dy: [3], y: [4] }, { attributes })).toThrow(
      'leakyRelu: expected dy of shape (4) like y, got (3)',
    );
    for (const negativeSlope of [-0.01, Infinity, Number.NaN]) {
      expect(callWith('leakyReluForward', { x: [3] }, { attributes: { negativeSlope } })).toThrow(
        new RangeError(
          `leakyRelu: expected negativeSlope to be a finite number of at least 0, got ${negativeSlope}`,
        ),
      );
    }
  });
});

describeOnEachBackend('leaky-relu', (backend) => {
  it('agrees with the reference', async () => {
    const cases = fc.tuple(extent(9), extent(9), slope);
    await forAll(cases, (random, [M, N, s]) =>
      expectAgreement(leakyReluCase(random, [M, N], s), backend),
    );
  });

  it('keeps positive values and NaN, and scales the rest', async () => {
    const x = vector(-1, -3, 0, 1e-40, 2, Number.NaN, Infinity, -Infinity);
    const { y } = await runOp(
      backend,
      'leakyReluForward',
      { x },
      { attributes: { negativeSlope: 0.25 } },
    );
    const tiny = Math.fround(1e-40);
    expect([...y]).toEqual([-0.25, -0.75, 0, tiny, 2, Number.NaN, Infinity, -Infinity]);
  });

  it('passes the whole gradient where y > 0, and scales it elsewhere', async () => {
    const operands = { dy: vector(8, 6, -7, 4), y: vector(0, 1e-40, 3, -0.5) };
    const attributes = { negativeSlope: 0.25 };
    const { dx } = await runOp(backend, 'leakyReluBackward', operands, { attributes });
    expect([...dx]).toEqual([2, 6, -7, 1]);
  });

  it('is ReLU with a slope of 0', async () => {
    const attributes = { negativeSlope: 0 };
    const x = vector(-1, -2, 3);
    const { y } = await runOp(backend, 'leakyReluForward', { x }, { attributes });
    expect([...y].map(Math.abs)).toEqual([0, 0, 3]);
    const operands = { dy: vector(5, 6, -7), y: { ...x, data: [...y] } };
    const { dx } = await runOp(backend, 'leakyReluBackward', operands, { attributes });
    expect([...dx]).toEqual([0, 0, -7]);
  });
});
