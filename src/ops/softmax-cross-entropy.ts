/**
 * Softmax and cross-entropy in one.
 *
 *   z (B, C) logits    t (B) target classes    p, dz (B, C)    L (1)
 *
 *   p[n, c] = e^z[n,c] / Σⱼ e^z[n,j]
 *   L = −(1/B) Σₙ log p[n, tₙ]
 *
 * Log-sum-exp. Adding a constant to a row of z changes neither p nor L, so the row's maximum
 * m = maxⱼ z[j] is subtracted first:
 *
 *   S = Σⱼ e^(z[j] − m)       every exponent ≤ 0 and one of them 0, so 1 ≤ S ≤ C: no overflow
 *   p[c] = e^(z[c] − m) / S
 *   −log p[t] = log S − (z[t] − m)
 *
 * The logarithm is taken of S, never of a p that may have underflowed to 0.
 *
 * Backward, one row, target t. With log p[t] = z[t] − log Σⱼ e^z[j]:
 *
 *   ∂(−log p[t])/∂z[c] = −[c = t] + e^z[c] / Σⱼ e^z[j] = p[c] − [c = t]
 *
 * and over the batch, whose mean divides by B,
 *
 *   dz = (p − onehot(t)) / B
 *
 * Saved for backward: p. Softmax alone, for predictions, is the middle line above.
 *
 * Kernels: assembly/softmax-cross-entropy.ts, shaders/softmax-cross-entropy.wgsl
 */
import type { Shape, Values } from '../tensor.js';
import { defineOp, expectRank, expectSameShapes, expectShape } from './types.js';

export function softmaxForward(p: Values, z: Values, [B, C]: readonly number[]): void {
  for (let n = 0; n < B; n++) softmaxRow(p, z, n * C, C);
}

export function softmaxCrossEntropyForward(
  L: Values,
  p: Values,
  z: Values,
  t: Values,
  [B, C]: readonly number[],
): void {
  let sum = 0;
  for (let n = 0; n < B; n++) {
    const { maximum, S } = softmaxRow(p, z, n * C, C);
    sum += Math.log(S) - (z[n * C + t[n]] - maximum);
  }
  L[0] = sum / B;
}

export function softmaxCrossEntropyBackward(
  dz: Values,
  p: Values,
  t: Values,
  [B, C]: readonly number[],
): void {
  for (let n = 0; n < B; n++) {
    for (let c = 0; c < C; c++) {
      const onehot = c === t[n] ? 1 : 0;
      dz[n * C + c] = (p[n * C + c] - onehot) / B;
    }
  }
}

/** One row of softmax, at `start`; returns what the loss needs. */
function softmaxRow(p: Values, z: Values, start: number, C: number) {
  let maximum = z[start];
  for (let c = 1; c < C; c++) maximum = Math.max(maximum, z[start + c]);
  let S = 0;
  for (let c = 0; c < C; c++) S += Math.exp(z[start + c] - maximum);
  for (let c = 0; c < C; c++) p[start + c] = Math.exp(z[start + c] - maximum) / S;
  return { maximum, S };
}

export const softmaxCrossEntropyOps = {
  softmaxForward: defineOp({
    outputs: ['p'],
    inputs: ['z'],
    formula: 'p[n, c] = e^z[n,c] / Σⱼ e^z[n,j]',
    sizes: ({ p, z }) => rowSizes(z, p),
    reference: ({ p, z }, sizes) => softmaxForward(p, z, sizes),
  }),

  softmaxCrossEntropyForward: defineOp({
    outputs: ['L', 'p'],
    inputs: ['z', 't'],
    formula: 'p = softmax(z), L = −(1/B) Σₙ log p[n, tₙ]',
    sizes({ L, p, z, t }) {
      expectShape('softmaxCrossEntropy', 'L', L, [1]);
      return rowSizes(z, p, t);
    },
    reference: ({ L, p, z, t }, sizes) => softmaxCrossEntropyForward(L, p, z, t, sizes),
  }),

  softmaxCrossEntropyBackward: defineOp({
    outputs: ['dz'],
    inputs: ['p', 't'],
    formula: 'dz = (p − onehot(t)) / B',
    sizes: ({ dz, p, t }) => rowSizes(dz, p, t),
    reference: ({ dz, p, t }, sizes) => softmaxCrossEntropyBackward(dz, p, t, sizes),
  }),
};

/** [B, C] of z (B, C), p (B, C) and t (B). */
function rowSizes(z: Shape, p: Shape, t: Shape = [z[0]]): readonly number[] {
  expectRank('softmaxCrossEntropy', 'logits', z, '(B, C)');
  expectSameShapes('softmaxCrossEntropy', { z, p });
  expectShape('softmaxCrossEntropy', 'targets', t, [z[0]]);
  return z;
}
