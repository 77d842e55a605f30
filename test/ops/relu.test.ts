import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reluCase } from '../../src/ops/relu.js';
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

describe('relu', () => {
  it('has the gradient that central differences find', async () => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) => expectGradients(reluCase(random, shape)));
  });

  it('refuses tensors of different shapes', () => {
    expect(callWith('reluForward', { x: [3, 2] }, { into: { y: [2, 3] } })).toThrow(
      'reluForward: expected y of shape (3, 2), got (2, 3)',
    );
    expect(callWith('reluBackward', { dy: [3], y: [4] })).toThrow(
      'relu: expected dy of shape (4) like y, got (3)',
    );
  });
});

describeOnEachBackend('relu', (backend) => {
  it('agrees with the reference', async () => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) => expectAgreement(reluCase(random, shape), backend));
  });

  it('keeps positive values and NaN, and sets the rest to zero', async () => {
    const x = vector(-1, 0, 1e-40, 2, Number.NaN, Infinity, -Infinity);
    const { y } = await runOp(backend, 'reluForward', { x });
    expect([...y]).toEqual([0, 0, Math.fround(1e-40), 2, Number.NaN, Infinity, 0]);
  });

  it('passes no gradient at zero', async () => {
    const operands = { dy: vector(5, 6, -7), y: vector(0, 1e-40, 3) };
    const { dx } = await runOp(backend, 'reluBackward', operands);
    expect([...dx]).toEqual([0, 6, -7]);
  });
});
