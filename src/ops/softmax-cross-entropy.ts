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
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import {
  drawExtents,
  type GradientDeclaration,
  integers,
  type KernelDeclaration,
  type Magnitudes,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';

type RowSizes = Numbers<'B' | 'C'>;

export function softmaxForward(p: Values, z: Values, { B, C }: RowSizes): void {
  for (let n = 0; n < B; n++) softmaxRow(p, z, n * C, C);
}

export function softmaxCrossEntropyForward(
  L: Values,
  p: Values,
  z: Values,
  t: Values,
  { B, C }: RowSizes,
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
  { B, C }: RowSizes,
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
    sizes: ['B', 'C'],
    formula: 'p[n, c] = e^z[n,c] / Σⱼ e^z[n,j]',
    shapes: ({ z }) => ({ outputs: { p: z }, sizes: rowSizes(z) }),
    terms: ({ C }) => C,
    reference: ({ p, z }, sizes) => softmaxForward(p, z, sizes),
  }),

  softmaxCrossEntropyForward: defineOp({
    outputs: ['L', 'p'],
    inputs: ['z', 't'],
    dtypes: { t: 'int32' },
    below: { t: ({ C }) => C },
    sizes: ['B', 'C'],
    formula: 'p = softmax(z), L = −(1/B) Σₙ log p[n, tₙ]',
    shapes: ({ z, t }) => ({ outputs: { L: [1], p: z }, sizes: rowSizes(z, t) }),
    terms: ({ C }) => C,
    reference: ({ L, p, z, t }, sizes) => softmaxCrossEntropyForward(L, p, z, t, sizes),
  }),

  softmaxCrossEntropyBackward: defineOp({
    outputs: ['dz'],
    inputs: ['p', 't'],
    dtypes: { t: 'int32' },
    below: { t: ({ C }) => C },
    sizes: ['B', 'C'],
    formula: 'dz = (p − onehot(t)) / B',
    shapes: ({ p, t }) => ({ outputs: { dz: p }, sizes: rowSizes(p, t) }),
    terms: () => 1,
    reference: ({ dz, p, t }, sizes) => softmaxCrossEntropyBackward(dz, p, t, sizes),
  }),
};

/** Sizes of z or p (B, C), and t (B). */
function rowSizes(z: Shape, t: Shape = [z[0]]): RowSizes {
  expectRank('softmaxCrossEntropy', 'logits', z, '(B, C)');
  const [B, C] = z;
  expectShape('softmaxCrossEntropy', 'targets', t, [B]);
  return { B, C };
}

/**
 * The rounding of z − m, at most |z − m| ε/2, becomes a relative error of e^(z−m), so p counts
 * 1 + m − z times. The loss, log S − (z[t] − m), adds two numbers that are not negative.
 */
const magnitudes: Magnitudes = ({ z, t }, { sizes: { B, C } }) => {
  const p = new Float64Array(B * C);
  let L = 0;
  for (let n = 0; n < B; n++) {
    const row = Array.from(z.subarray(n * C, (n + 1) * C));
    const maximum = Math.max(...row);
    const S = row.reduce((sum, logit) => sum + Math.exp(logit - maximum), 0);
    row.forEach((logit, c) => {
      p[n * C + c] = (Math.exp(logit - maximum) / S) * (1 + maximum - logit);
    });
    if (t) L += 1 + Math.log(S) + maximum - row[t[n]];
  }
  return { p, L: Float64Array.of(L / B) };
};

export const softmaxCrossEntropyCases: OpCases<keyof typeof softmaxCrossEntropyOps> = {
  name: 'softmax-cross-entropy',
  magnitudes: {
    softmaxForward: magnitudes,
    softmaxCrossEntropyForward: magnitudes,
    softmaxCrossEntropyBackward: relative,
  },
  draw(random) {
    const [B, C] = drawExtents(random, 2);
    return {
      gradients: [softmaxCrossEntropyCase(random, { B, C: C + 1 })],
      kernels: [softmaxCase(random, { B, C })],
    };
  },
};

export function softmaxCrossEntropyCase(
  random: RandomStream,
  { B, C }: RowSizes,
): GradientDeclaration<keyof typeof softmaxCrossEntropyOps> {
  return {
    title: `softmaxCrossEntropy ${formatShape([B, C])}`,
    inputs: { z: reals(random, [B, C]) },
    constants: { t: integers(random, [B], C) },
    forward: [{ op: 'softmaxCrossEntropyForward' }],
    backward: [{ op: 'softmaxCrossEntropyBackward' }],
  };
}

export function softmaxCase(
  random: RandomStream,
  { B, C }: RowSizes,
): KernelDeclaration<keyof typeof softmaxCrossEntropyOps> {
  return {
    title: `softmax ${formatShape([B, C])}`,
    values: { z: reals(random, [B, C]) },
    calls: [{ op: 'softmaxForward' }],
  };
}
