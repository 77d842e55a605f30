/**
 * Confusion counts: how often class t was taken for class ŷ. Accuracy is their trace over their sum.
 *
 *   scores (B, C), or (B, 1) for two classes    t (B) target classes    confusion (K, K) int32
 *
 *   ŷ[n] = argmax over c of scores[n, c]     the first, if several are largest; K = C
 *   ŷ[n] = 1 where scores[n, 0] > 0, else 0  for one column: a logit, K = 2
 *
 *   confusion[tₙ, ŷₙ] ← confusion[tₙ, ŷₙ] + 1, for every n
 *
 * Counts are added to what is there, so that they can run over many batches; whoever reads them
 * sets them to zero first. Both are step functions: their gradient is zero wherever it exists,
 * which is why they are not what training minimises.
 *
 * Kernels: assembly/accuracy.ts, shaders/accuracy.wgsl
 */
import type { Values } from '../tensor.js';
import { defineOp, expectRank, expectShape } from './types.js';

export function countConfusion(
  confusion: Values,
  scores: Values,
  t: Values,
  [B, C, K]: readonly number[],
): void {
  for (let n = 0; n < B; n++) confusion[t[n] * K + predictedClass(scores, n * C, C)] += 1;
}

/** ŷ of the row of scores that begins at `start`. */
export function predictedClass(scores: Values, start: number, C: number): number {
  if (C === 1) return scores[start] > 0 ? 1 : 0;
  let best = 0;
  for (let c = 1; c < C; c++) if (scores[start + c] > scores[start + best]) best = c;
  return best;
}

/** Share of examples on the diagonal, and its mean over the classes that occur. */
export function accuracyOf(confusion: ArrayLike<number>, K: number) {
  let correct = 0;
  let total = 0;
  let recallSum = 0;
  let present = 0;
  for (let t = 0; t < K; t++) {
    let row = 0;
    for (let y = 0; y < K; y++) row += confusion[t * K + y];
    if (row === 0) continue;
    correct += confusion[t * K + t];
    total += row;
    recallSum += confusion[t * K + t] / row;
    present++;
  }
  return { accuracy: correct / total, balancedAccuracy: recallSum / present };
}

export const accuracyOps = {
  countConfusion: defineOp({
    outputs: ['confusion'],
    inputs: ['scores', 't'],
    formula: 'confusion[tₙ, ŷₙ] ← confusion[tₙ, ŷₙ] + 1, ŷₙ = argmax scores[n]',
    sizes({ confusion, scores, t }) {
      expectRank('countConfusion', 'scores', scores, '(B, C)');
      const [B, C] = scores;
      const K = Math.max(C, 2);
      expectShape('countConfusion', 'confusion', confusion, [K, K]);
      expectShape('countConfusion', 't', t, [B]);
      return [B, C, K];
    },
    reference: ({ confusion, scores, t }, sizes) => countConfusion(confusion, scores, t, sizes),
  }),
};
