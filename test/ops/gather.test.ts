import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherCase } from '../../src/ops/gather.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectNear,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

describe('gather', () => {
  it('refuses tensors that do not fit together', () => {
    const fitting = { data: [9, 5], index: [9], state: [4] };
    const like = { x: [2, 5] };
    expect(callWith('gatherReals', { ...fitting, data: [45] }, { like })).toThrow(
      'gather: expected data of shape (N, F), got (45)',
    );
    expect(callWith('gatherReals', fitting, { like: { x: [2, 4] } })).toThrow(
      'gather: expected x of shape (2, 5), got (2, 4)',
    );
    expect(callWith('gatherReals', { ...fitting, index: [8] }, { like })).toThrow(
      'gather: expected index of shape (9), got (8)',
    );
    expect(
      callWith('gatherLabels', { labels: [9], index: [9], state: [4] }, { like: { t: [2, 1] } }),
    ).toThrow('gather: expected t of shape (B), got (2, 1)');
    expect(
      callWith('gatherLabels', { labels: [9], index: [8], state: [4] }, { like: { t: [2] } }),
    ).toThrow('gather: expected index of shape (9), got (8)');
  });
});

describeOnEachBackend('gather', (backend) => {
  const batch = { index: vector(2, 0, 1), state: vector(1, 0, 1, 0) };

  it('agrees with the reference', async () => {
    const sizes = fc
      .record({ B: extent(9), F: extent(40), others: fc.nat(9) })
      .map(({ B, F, others }) => ({ B, F, N: B + others }));
    await forAll(sizes, (random, drawn) => expectAgreement(gatherCase(random, drawn), backend));
  });

  it('takes the rows that the index lists from the position of the state', async () => {
    const data = matrix([1, 2, 3], [4, 5, 6], [7, 8, 9]);
    const { x } = await runOp(backend, 'gatherReals', { data, ...batch }, { like: { x: [2, 3] } });
    expect([...x]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('normalises bytes to (byte / 255 − mean) / std', async () => {
    const data = { data: [0, 255, 51, 102, 9, 9], shape: [3, 2] };
    const attributes = { mean: 0.5, std: 0.25 };
    const { x } = await runOp(
      backend,
      'gatherBytes',
      { data, ...batch },
      { attributes, like: { x: [2, 2] } },
    );
    expectNear(x, [-2, 2, -1.2, -0.4]);
  });

  it('takes the labels of the same rows', async () => {
    const labels = vector(10, 20, 30);
    const { t } = await runOp(backend, 'gatherLabels', { labels, ...batch }, { like: { t: [2] } });
    expect([...t]).toEqual([10, 20]);
  });
});
