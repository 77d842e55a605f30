import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearCase } from '../../src/ops/linear.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

const W = matrix([1, 2, 3], [4, 5, 6]);

describe('linear', () => {
  it('has the gradients that central differences find', async () => {
    const sizes = fc.record({ B: extent(7), I: extent(7), O: extent(7) });
    await forAll(sizes, (random, drawn) => expectGradients(linearCase(random, drawn)));
  });

  it('refuses tensors that do not fit together', () => {
    const fitting = { x: [5, 2], W: [2, 3], b: [3] };
    expect(callWith('linearForward', { ...fitting, x: [5, 2, 1] })).toThrow(
      'linear: expected input of shape (B, 2), got (5, 2, 1); flatten it first',
    );
    expect(callWith('linearForward', { ...fitting, x: [5, 4] })).toThrow(
      'linear: expected input of shape (B, 2), got (5, 4)',
    );
    expect(callWith('linearForward', { ...fitting, W: [6] })).toThrow(
      'linear: expected W of shape (I, O), got (6)',
    );
    expect(callWith('linearForward', { ...fitting, b: [2] })).toThrow(
      'linear: expected b of shape (3), got (2)',
    );
    expect(callWith('linearForward', fitting, { into: { y: [4, 3] } })).toThrow(
      'linearForward: expected y of shape (5, 3), got (4, 3)',
    );
    expect(callWith('linearBackwardBias', { dy: [5, 3] }, { into: { db: [2] } })).toThrow(
      'linearBackwardBias: expected db of shape (3), got (2)',
    );
  });
});

describeOnEachBackend('linear', (backend) => {
  it('computes x·W + b', async () => {
    const operands = { x: matrix([1, 2], [3, -1]), W, b: vector(10, 20, 30) };
    const { y } = await runOp(backend, 'linearForward', operands);
    expect([...y]).toEqual([19, 32, 45, 9, 21, 33]);
  });

  it('computes dW = xᵀ·dy, db = column sums of dy and dx = dy·Wᵀ', async () => {
    const [x, dy] = [matrix([1, 2], [3, -1]), matrix([1, 0, 2], [-1, 4, 3])];
    const { dW } = await runOp(backend, 'linearBackwardWeight', { x, dy });
    expect([...dW]).toEqual([-2, 12, 11, 3, -4, 1]);
    const { db } = await runOp(backend, 'linearBackwardBias', { dy });
    expect([...db]).toEqual([0, 4, 5]);
    const { dx } = await runOp(backend, 'linearBackwardInput', { dy, W });
    expect([...dx]).toEqual([7, 16, 16, 34]);
  });

  it('agrees with the reference for all remainders of the tiles', async () => {
    const sizes = fc.record({ B: extent(20), I: extent(20), O: extent(20) });
    await forAll(
      sizes,
      (random, drawn) => expectAgreement(linearCase(random, drawn), backend),
      100,
    );
  });

  it('agrees with the reference for sums beyond one block of the GEMM', async () => {
    const long = fc.constantFrom(1023, 1024, 1025, 2051);
    const sizes = fc
      .tuple(long, extent(9), extent(9), fc.constantFrom('B', 'I', 'O'))
      .map(([n, a, b, longest]) => ({ B: a, I: b, O: a, [longest]: n }));
    await forAll(sizes, (random, drawn) => expectAgreement(linearCase(random, drawn), backend));
  });
});
