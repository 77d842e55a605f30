/**
 * Counts of predictions: how many examples of target class t there are and were predicted correctly,
 * or, in the confusion matrix, were predicted as class ŷ. The accuracy is the trace of that matrix
 * divided by its sum; the counts by class suffice for it, and take memory for 2 K numbers, not K².
 *
 *   scores (B, C), or (B, 1) for two classes    t (B) target classes
 *   counts (K, 2) int32: examples, correct      confusion (K, K) int32
 *   B examples, C columns of scores, K classes
 *
 *   C > 1   ŷ[n] = argmax over c of scores[n, c], the first if several are largest;  K = C
 *   C = 1   ŷ[n] = 1 if the logit scores[n, 0] > 0, else 0;  K = 2
 *
 *   counts[t[n], 0] ← counts[t[n], 0] + 1                for every n
 *   counts[t[n], 1] ← counts[t[n], 1] + 1                for every n with ŷ[n] = t[n]
 *   confusion[t[n], ŷ[n]] ← confusion[t[n], ŷ[n]] + 1    for every n
 *
 * The counts are added to the current ones, so they can accumulate over many batches. The caller
 * sets them to zero before the first batch.
 *
 * There is no backward. The counts are step functions of the scores; their gradient is zero
 * wherever it exists. This is why training minimises a loss instead.
 *
 * Kernels: assembly/accuracy.ts, shaders/accuracy.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Values } from '../tensor.js';
import {
  drawExtents,
  integers,
  type KernelDeclaration,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';

/** Adds the examples and the correct predictions of scores (B, C) and t (B) to counts (K, 2), in place. */
export function countCorrect(
  counts: Values,
  scores: Values,
  t: Values,
  { B, C }: Numbers<'B' | 'C'>,
): void {
  for (let n = 0; n < B; n++) {
    counts[2 * t[n]] += 1;
    if (predictedClass(scores, n * C, C) === t[n]) counts[2 * t[n] + 1] += 1;
  }
}

/** Adds the counts of scores (B, C) and t (B) to confusion (K, K), in place. */
export function countConfusion(
  confusion: Values,
  scores: Values,
  t: Values,
  { B, C, K }: Numbers<'B' | 'C' | 'K'>,
): void {
  for (let n = 0; n < B; n++) confusion[t[n] * K + predictedClass(scores, n * C, C)] += 1;
}

/** The predicted class ŷ of the row of C scores that begins at `start`. */
export function predictedClass(scores: Values, start: number, C: number): number {
  if (C === 1) return scores[start] > 0 ? 1 : 0;
  let best = 0;
  for (let c = 1; c < C; c++) if (scores[start + c] > scores[start + best]) best = c;
  return best;
}

/**
 * Accuracy, and balanced accuracy: the mean of the recall of the classes that occur. Both are from 0
 * to 1, and NaN where nothing was counted.
 *
 * @param counts (K, 2): examples, and correct predictions, of each class
 */
export function accuracyOf(counts: ArrayLike<number>) {
  let correct = 0;
  let total = 0;
  let recallSum = 0;
  let present = 0;
  for (let i = 0; i < counts.length; i += 2) {
    if (counts[i] === 0) continue;
    total += counts[i];
    correct += counts[i + 1];
    recallSum += counts[i + 1] / counts[i];
    present++;
  }
  return { accuracy: correct / total, balancedAccuracy: recallSum / present };
}

/**
 * The counts (K, 2) that `countCorrect` would have found, from confusion counts.
 *
 * @param confusion (K, K), with the target class as its row
 */
export function countsOf(confusion: ArrayLike<number>, K: number): Int32Array {
  const counts = new Int32Array(2 * K);
  for (let t = 0; t < K; t++) {
    for (let y = 0; y < K; y++) counts[2 * t] += confusion[t * K + y];
    counts[2 * t + 1] = confusion[t * K + t];
  }
  return counts;
}

export const accuracyOps = defineOps({
  countCorrect: defineOp({
    updates: ['counts'],
    inputs: ['scores', 't'],
    dtypes: { counts: 'int32', t: 'int32' },
    below: { t: (_, { counts }) => counts[0] },
    sizes: ['B', 'C'],
    formula: 'counts[t[n]] ← counts[t[n]] + (1, 1 if ŷ[n] = t[n]), ŷ[n] = argmax scores[n]',
    shapes({ counts, scores, t }) {
      expectRank('countCorrect', 'scores', scores, '(B, C)');
      const [B, C] = scores;
      expectShape('countCorrect', 'counts', counts, [Math.max(C, 2), 2]);
      expectShape('countCorrect', 't', t, [B]);
      return { outputs: {}, sizes: { B, C } };
    },
    terms: ({ B }) => B,
    reference: ({ counts, scores, t }, sizes) => countCorrect(counts, scores, t, sizes),
  }),

  countConfusion: defineOp({
    updates: ['confusion'],
    inputs: ['scores', 't'],
    dtypes: { confusion: 'int32', t: 'int32' },
    below: { t: ({ K }) => K },
    sizes: ['B', 'C', 'K'],
    formula: 'confusion[t[n], ŷ[n]] ← confusion[t[n], ŷ[n]] + 1, ŷ[n] = argmax scores[n]',
    shapes({ confusion, scores, t }) {
      expectRank('countConfusion', 'scores', scores, '(B, C)');
      const [B, C] = scores;
      const K = Math.max(C, 2);
      expectShape('countConfusion', 'confusion', confusion, [K, K]);
      expectShape('countConfusion', 't', t, [B]);
      return { outputs: {}, sizes: { B, C, K } };
    },
    terms: ({ B }) => B,
    reference: ({ confusion, scores, t }, sizes) => countConfusion(confusion, scores, t, sizes),
  }),
});

export const accuracyCases: OpCases<keyof typeof accuracyOps> = {
  name: 'accuracy',
  magnitudes: { countCorrect: relative, countConfusion: relative },
  draw(random) {
    const [B, C] = drawExtents(random, 2);
    return { kernels: [accuracyCase(random, { B, C }), accuracyCase(random, { B, C: 1 })] };
  },
};

export function accuracyCase(
  random: RandomStream,
  { B, C }: Numbers<'B' | 'C'>,
): KernelDeclaration<keyof typeof accuracyOps> {
  const K = Math.max(C, 2);
  return {
    title: `accuracy of ${formatShape([B, C])}`,
    values: {
      scores: reals(random, [B, C]),
      t: integers(random, [B], K),
      counts: integers(random, [K, 2], 100),
      confusion: integers(random, [K, K], 100),
    },
    calls: [{ op: 'countCorrect' }, { op: 'countConfusion' }],
  };
}
