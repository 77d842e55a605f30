/**
 * Softmax and cross-entropy in one op, computed from logits.
 *
 *   z, dz (B, C) logits    t (B) target classes    p (B, C) probabilities    L (1)
 *   B examples, C classes
 *
 *   p[n, c] = e^z[n, c] / Σⱼ e^z[n, j]
 *   L = (1/B) Σₙ ℓ[n]    ℓ[n] = −log p[n, t[n]]
 *
 * Log-sum-exp. For one row, ℓ = log Σⱼ e^z[j] − z[t]. The exponentials can overflow, and p can
 * underflow to 0, whose logarithm is −∞. Subtracting a constant from all z of the row changes
 * neither p nor ℓ, so the implementation subtracts the row's maximum, max z:
 *
 *   S = Σⱼ e^(z[j] − max z)    all exponents ≤ 0, and one of them is 0, so 1 ≤ S ≤ C
 *   p[c] = e^(z[c] − max z) / S
 *   ℓ = log S − (z[t] − max z)
 *
 * The logarithm is that of S, never that of p.
 *
 * Backward. For one row, from ℓ = log Σⱼ e^z[j] − z[t], where [c = t] is 1 if c = t and 0
 * otherwise:
 *
 *   ∂ℓ/∂z[c] = e^z[c] / Σⱼ e^z[j] − [c = t] = p[c] − [c = t]
 *
 * Over the batch, whose mean divides by B, with onehot(t)[n, c] = [c = t[n]]:
 *
 *   dz[n, c] = ∂L/∂ℓ[n] ∂ℓ[n]/∂z[n, c] = (p[n, c] − [c = t[n]]) / B
 *   dz = (p − onehot(t)) / B
 *
 * Saved for backward: p. softmaxForward computes p alone, for predictions.
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
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';

type RowSizes = Numbers<'B' | 'C'>;

/** p (B, C) of z (B, C). */
export function softmaxForward(p: Values, z: Values, { B, C }: RowSizes): void {
  for (let n = 0; n < B; n++) softmaxRow(p, z, n * C, C);
}

/** L (1) and p (B, C) of z (B, C) and t (B). */
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

/** dz (B, C) of p (B, C) and t (B). */
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

/** Softmax of the row that begins at `start`; returns S and the maximum, for the loss. */
function softmaxRow(p: Values, z: Values, start: number, C: number) {
  let maximum = z[start];
  for (let c = 1; c < C; c++) maximum = Math.max(maximum, z[start + c]);
  let S = 0;
  for (let c = 0; c < C; c++) S += Math.exp(z[start + c] - maximum);
  for (let c = 0; c < C; c++) p[start + c] = Math.exp(z[start + c] - maximum) / S;
  return { maximum, S };
}

export const softmaxCrossEntropyOps = defineOps({
  softmaxForward: defineOp({
    outputs: ['p'],
    inputs: ['z'],
    sizes: ['B', 'C'],
    formula: 'p[n, c] = e^z[n, c] / Σⱼ e^z[n, j]',
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
    formula: 'p = softmax(z), L = −(1/B) Σₙ log p[n, t[n]]',
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
});

/** Checks z or p (B, C) and t (B), and returns the sizes. */
function rowSizes(z: Shape, t: Shape = [z[0]]): RowSizes {
  expectRank('softmaxCrossEntropy', 'logits', z, '(B, C)');
  const [B, C] = z;
  expectShape('softmaxCrossEntropy', 'targets', t, [B]);
  return { B, C };
}

/**
 * The rounding error of z − max z is at most |z − max z| ε/2. It becomes a relative error of the
 * exponential, so the magnitude of p is p (1 + max z − z). In ℓ = log S + (max z − z[t]) both terms
 * are at least 0, so nothing cancels.
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
