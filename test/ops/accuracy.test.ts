import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracyCase, accuracyOf } from '../../src/ops/accuracy.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, extent, forAll } from './checks.js';

describe('accuracy', () => {
  it('is the share of examples on the diagonal; balanced accuracy is the mean recall of classes', () => {
    const confusion = [8, 2, 0, 5, 5, 0, 0, 0, 0];
    const { accuracy, balancedAccuracy } = accuracyOf(confusion, 3);
    expect(accuracy).toBe(13 / 20);
    expect(balancedAccuracy).toBe((0.8 + 0.5) / 2);
  });

  it('refuses tensors that do not fit together', () => {
    expect(callWith('countConfusion', { confusion: [3, 3], scores: [5, 4], t: [5] })).toThrow(
      'countConfusion: expected confusion of shape (4, 4), got (3, 3)',
    );
    expect(callWith('countConfusion', { confusion: [2, 2], scores: [5], t: [5] })).toThrow(
      'countConfusion: expected scores of shape (B, C), got (5)',
    );
    expect(callWith('countConfusion', { confusion: [2, 2], scores: [5, 1], t: [4] })).toThrow(
      'countConfusion: expected t of shape (5), got (4)',
    );
  });
});

describeOnEachBackend('countConfusion', (backend) => {
  /** Counts of one batch, run `times` times. */
  async function confusionOf(rows: number[][], labels: number[], times = 1): Promise<number[]> {
    const { runtime } = backend;
    const [B, C] = [rows.length, rows[0].length];
    const K = Math.max(C, 2);
    const scores = persistent('scores', [B, C]);
    const t = persistent('t', [B], 'int32');
    const confusion = persistent('confusion', [K, K], 'int32');
    runtime.write(scores, rows.flat());
    runtime.write(t, labels);
    const step = new Step();
    step.call('countConfusion', { confusion, scores, t });
    const executable = await runtime.compile(step);
    await executable.run(times);
    return [...(await runtime.read(confusion))];
  }

  it('agrees with the reference', async () => {
    const sizes = fc.record({ B: extent(30), C: extent(12) });
    await forAll(sizes, (random, drawn) => expectAgreement(accuracyCase(random, drawn), backend));
  });

  it('counts target by row and prediction by column', async () => {
    const rows = [
      [1, 5, 2],
      [9, 5, 2],
      [-3, -2, -1],
    ];
    expect(await confusionOf(rows, [0, 0, 2])).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('adds to what it counted before', async () => {
    expect(await confusionOf([[1, 2]], [0], 3)).toEqual([0, 3, 0, 0]);
  });

  it('predicts the first class of several with the largest score', async () => {
    expect(await confusionOf([[4, 4]], [1])).toEqual([0, 0, 1, 0]);
  });

  it('predicts class 1 for a single logit above zero', async () => {
    expect(await confusionOf([[0.1], [0], [-0.1]], [1, 1, 0])).toEqual([1, 0, 1, 1]);
  });
});
