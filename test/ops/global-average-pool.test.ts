import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globalAveragePoolCase } from '../../src/ops/global-average-pool.js';
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

describe('globalAveragePool', () => {
  it('has the gradient that central differences find', async () => {
    const shapes = fc.tuple(extent(4), extent(4), extent(4), extent(4));
    await forAll(shapes, (random, shape) => expectGradients(globalAveragePoolCase(random, shape)));
  });

  it('refuses tensors that do not fit together', () => {
    expect(callWith('globalAveragePoolForward', { x: [5, 12, 4] })).toThrow(
      'globalAveragePool: expected input of shape (B, H, W, C), got (5, 12, 4)',
    );
    expect(
      callWith('globalAveragePoolForward', { x: [5, 3, 2, 4] }, { into: { y: [5, 3] } }),
    ).toThrow('globalAveragePoolForward: expected y of shape (5, 4), got (5, 3)');
    expect(
      callWith('globalAveragePoolBackward', { dy: [4, 4] }, { like: { dx: [5, 3, 2, 4] } }),
    ).toThrow('globalAveragePool: expected dy of shape (5, 4), got (4, 4)');
  });
});

describeOnEachBackend('globalAveragePool', (backend) => {
  it('agrees with the reference for all numbers of pixels and channels', async () => {
    const shapes = fc.tuple(extent(5), extent(8), extent(8), extent(40));
    await forAll(
      shapes,
      (random, shape) => expectAgreement(globalAveragePoolCase(random, shape), backend),
      60,
    );
  });

  it('computes the mean of each channel of an image, and spreads its gradient evenly', async () => {
    const x = { data: [1, 10, 2, 20, 3, 30, 6, 60, ...Array(8).fill(7)], shape: [2, 2, 2, 2] };
    const { y } = await runOp(backend, 'globalAveragePoolForward', { x });
    expect([...y]).toEqual([3, 30, 7, 7]);
    const dy = matrix([4, 8], [-4, 0]);
    const { dx } = await runOp(
      backend,
      'globalAveragePoolBackward',
      { dy },
      { like: { dx: [2, 2, 2, 2] } },
    );
    expect([...dx]).toEqual([1, 2, 1, 2, 1, 2, 1, 2, -1, 0, -1, 0, -1, 0, -1, 0]);
  });

  it('is the identity for images of one pixel', async () => {
    const x = { data: [1, 2, 3, 4, 5, 6], shape: [2, 1, 1, 3] };
    const { y } = await runOp(backend, 'globalAveragePoolForward', { x });
    expect([...y]).toEqual(x.data);
  });
});
