import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { squaredErrorCase } from '../../src/ops/squared-error.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  matrix,
  runOp,
} from './checks.js';

const REDUCTIONS = ['mean', 'sum'] as const;

describe('squaredError', () => {
  it.each(REDUCTIONS)('has the gradient that central differences find, as a %s', async (which) => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) =>
      expectGradients(squaredErrorCase(random, which, shape)),
    );
  });

  it('refuses tensors that do not fit together', () => {
    const scale = { scale: 1 };
    expect(callWith('squaredErrorForward', { y: [4, 1], t: [4] }, { attributes: scale })).toThrow(
      'squaredError: expected t of shape (4, 1) like y, got (4)',
    );
    expect(
      callWith('squaredErrorForward', { y: [4], t: [4] }, { attributes: scale, into: { L: [] } }),
    ).toThrow('squaredErrorForward: expected L of shape (1), got ()');
    expect(
      callWith(
        'squaredErrorBackward',
        { y: [4], t: [4] },
        { attributes: scale, into: { dy: [3] } },
      ),
    ).toThrow('squaredErrorBackward: expected dy of shape (4), got (3)');
  });
});

describeOnEachBackend('squaredError', (backend) => {
  const operands = { y: matrix([1, 2], [3, 0]), t: matrix([0, 4], [3, -1]) };

  it.each(REDUCTIONS)('agrees with the reference, as a %s', async (which) => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) =>
      expectAgreement(squaredErrorCase(random, which, shape), backend),
    );
  });

  it('is scale Σ (y − t)²', async () => {
    const loss = async (scale: number) =>
      (await runOp(backend, 'squaredErrorForward', operands, { attributes: { scale } })).L[0];
    expect(await loss(1)).toBe(6);
    expect(await loss(1 / 4)).toBe(1.5);
  });

  it('has the gradient 2 scale (y − t)', async () => {
    const { dy } = await runOp(backend, 'squaredErrorBackward', operands, {
      attributes: { scale: 0.5 },
    });
    expect([...dy]).toEqual([1, -2, 0, 1]);
  });
});
