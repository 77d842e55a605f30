import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/numerics/backend.js';
import { accuracyCase, accuracyOf, countsOf } from '../../src/ops/accuracy.js';
import { OPS } from '../../src/ops/registry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, extent, forAll } from './checks.js';

describe('accuracy', () => {
  it('is the share of examples on the diagonal; balanced accuracy is the mean recall of classes', () => {
    const confusion = [8, 2, 0, 5, 5, 0, 0, 0, 0];
    const { accuracy, balancedAccuracy } = accuracyOf(countsOf(confusion, 3));
    expect(accuracy).toBe(13 / 20);
    expect(balancedAccuracy).toBe((0.8 + 0.5) / 2);
  });

  it('refuses tensors that do not fit together', () => {
    expect(callWith('countCorrect', { counts: [4, 4], scores: [5, 4], t: [5] })).toThrow(
      'countCorrect: expected counts of shape (4, 2), got (4, 4)',
    );
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

/** What an op counts in one batch, run `times` times. */
async function counted(
  backend: Backend,
  op: 'countCorrect' | 'countConfusion',
  rows: number[][],
  labels: number[],
  times = 1,
): Promise<number[]> {
  const { runtime } = backend;
  const [B, C] = [rows.length, rows[0].length];
  const K = Math.max(C, 2);
  const scores = persistent('scores', [B, C]);
  const t = persistent('t', [B], 'int32');
  const counts = persistent('counts', [K, op === 'countCorrect' ? 2 : K], 'int32');
  runtime.write(scores, rows.flat());
  runtime.write(t, labels);
  const step = new Step();
  if (op === 'countCorrect') step.call(OPS.countCorrect, { counts, scores, t });
  else step.call(OPS.countConfusion, { confusion: counts, scores, t });
  const executable = await runtime.compile(step);
  await executable.run(times);
  return [...(await runtime.read(counts))];
}

const ROWS = [
  [1, 5, 2],
  [9, 5, 2],
  [-3, -2, -1],
];

describeOnEachBackend('countCorrect and countConfusion', (backend) => {
  it('agree with the reference', async () => {
    const sizes = fc.record({ B: extent(30), C: extent(12) });
    await forAll(sizes, (random, drawn) => expectAgreement(accuracyCase(random, drawn), backend));
  });

  it('agree with each other', async () => {
    const classes = fc.integer({ min: 2, max: 9 });
    const score = fc.integer({ min: -2, max: 2 });
    const drawn = classes.chain((C) => {
      const row = fc.array(score, { minLength: C, maxLength: C });
      const example = fc.tuple(row, fc.nat(C - 1));
      return fc.tuple(fc.constant(C), fc.array(example, { minLength: 1, maxLength: 40 }));
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ([C, examples]) => {
        const [rows, labels] = [examples.map(([row]) => row), examples.map(([, label]) => label)];
        const confusion = await counted(backend, 'countConfusion', rows, labels);
        const correct = await counted(backend, 'countCorrect', rows, labels);
        expect(correct).toEqual([...countsOf(confusion, C)]);
      }),
      { numRuns: 20 },
    );
  });

  it('count the examples of a class, and those predicted correctly', async () => {
    expect(await counted(backend, 'countCorrect', ROWS, [0, 0, 2])).toEqual([2, 1, 0, 0, 1, 1]);
  });

  it('count target by row and prediction by column', async () => {
    const got = await counted(backend, 'countConfusion', ROWS, [0, 0, 2]);
    expect(got).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('add to what they counted before', async () => {
    expect(await counted(backend, 'countConfusion', [[1, 2]], [0], 3)).toEqual([0, 3, 0, 0]);
    expect(await counted(backend, 'countCorrect', [[1, 2]], [1], 3)).toEqual([0, 0, 3, 3]);
  });

  it('predict the first class of several with the largest score', async () => {
    expect(await counted(backend, 'countConfusion', [[4, 4]], [1])).toEqual([0, 0, 1, 0]);
    expect(await counted(backend, 'countCorrect', [[4, 4]], [1])).toEqual([0, 0, 1, 0]);
  });

  it('predict class 1 for a single logit above zero', async () => {
    const [rows, labels] = [
      [[0.1], [0], [-0.1]],
      [1, 1, 0],
    ];
    expect(await counted(backend, 'countConfusion', rows, labels)).toEqual([1, 0, 1, 1]);
    expect(await counted(backend, 'countCorrect', rows, labels)).toEqual([1, 1, 2, 1]);
  });
});
