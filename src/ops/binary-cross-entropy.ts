/**
 * Sigmoid and binary cross-entropy in one op, computed from logits.
 *
 *   z, dz (B, 1) logits    t (B) targets, 0 or 1    p (B, 1) probabilities of class 1    L (1)
 *
 *   p[n] = σ(z[n]) = 1 / (1 + e^−z[n])
 *   L = (1/B) Σₙ ℓ[n]    ℓ[n] = −t[n] log p[n] − (1 − t[n]) log(1 − p[n])
 *
 * Stable form. For one example, with log p = −log(1 + e⁻ᶻ) and log(1 − p) = −z − log(1 + e⁻ᶻ),
 *
 *   ℓ = t log(1 + e⁻ᶻ) + (1 − t) (z + log(1 + e⁻ᶻ))
 *     = (1 − t) z + log(1 + e⁻ᶻ)
 *
 * e⁻ᶻ overflows for very negative z. log(1 + e⁻ᶻ) = max(−z, 0) + log(1 + e^−|z|) does not, so
 *
 *   ℓ = max(z, 0) − t z + log(1 + e^−|z|)
 *
 * Backward, from ℓ = (1 − t) z + log(1 + e⁻ᶻ):
 *
 *   ∂ℓ/∂z = 1 − t − e⁻ᶻ / (1 + e⁻ᶻ) = 1 − t − (1 − p) = p − t
 *   dz[n] = ∂L/∂ℓ[n] ∂ℓ[n]/∂z[n] = (p[n] − t[n]) / B
 *
 * Saved for backward: p.
 *
 * Kernels: assembly/binary-cross-entropy.ts, shaders/binary-cross-entropy.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Shape, Values } from '../tensor.js';
import {
  drawExtents,
  type GradientDeclaration,
  integers,
  type Magnitudes,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectShape } from './shape-checks.js';
import { sigmoid } from './sigmoid.js';

/** L (1) and p (B, 1) of z (B, 1) and t (B). */
export function binaryCrossEntropyForward(
  L: Values,
  p: Values,
  z: Values,
  t: Values,
  { B }: Numbers<'B'>,
): void {
  let sum = 0;
  for (let n = 0; n < B; n++) {
    p[n] = sigmoid(z[n]);
    sum += Math.max(z[n], 0) - t[n] * z[n] + Math.log1p(Math.exp(-Math.abs(z[n])));
  }
  L[0] = sum / B;
}

/** dz (B, 1) of p (B, 1) and t (B). */
export function binaryCrossEntropyBackward(
  dz: Values,
  p: Values,
  t: Values,
  { B }: Numbers<'B'>,
): void {
  for (let n = 0; n < B; n++) dz[n] = (p[n] - t[n]) / B;
}

export const binaryCrossEntropyOps = defineOps({
  binaryCrossEntropyForward: defineOp({
    outputs: ['L', 'p'],
    inputs: ['z', 't'],
    dtypes: { t: 'int32' },
    below: { t: () => 2 },
    sizes: ['B'],
    formula: 'p = σ(z), L = (1/B) Σₙ (max(z, 0) − t z + log(1 + e^−|z|))',
    shapes: ({ z, t }) => ({
      outputs: { L: [1], p: z },
      sizes: binarySizes('binaryCrossEntropy', z, t),
    }),
    terms: ({ B }) => B,
    reference: ({ L, p, z, t }, sizes) => binaryCrossEntropyForward(L, p, z, t, sizes),
  }),

  binaryCrossEntropyBackward: defineOp({
    outputs: ['dz'],
    inputs: ['p', 't'],
    dtypes: { t: 'int32' },
    below: { t: () => 2 },
    sizes: ['B'],
    formula: 'dz = (p − t) / B',
    shapes: ({ p, t }) => ({ outputs: { dz: p }, sizes: binarySizes('binaryCrossEntropy', p, t) }),
    terms: () => 1,
    reference: ({ dz, p, t }, sizes) => binaryCrossEntropyBackward(dz, p, t, sizes),
  }),
});

/** Checks z or p (B, 1) and t (B) of a binary loss, and returns the sizes. */
export function binarySizes(operation: string, z: Shape, t: Shape): Numbers<'B'> {
  const [B] = z;
  expectShape(operation, 'logits', z, [B, 1]);
  expectShape(operation, 'targets', t, [B]);
  return { B };
}

/** max(z, 0) − t z cancels for t = 1 and z > 0, so its terms are added as absolute values. */
const magnitudes: Magnitudes = ({ z, t }, { sizes: { B } }) => {
  let L = 0;
  for (let n = 0; n < B; n++) {
    L += Math.max(z[n], 0) + t[n] * Math.abs(z[n]) + Math.log1p(Math.exp(-Math.abs(z[n])));
  }
  return { L: Float64Array.of(L / B) };
};

export const binaryCrossEntropyCases: OpCases<keyof typeof binaryCrossEntropyOps> = {
  name: 'binary-cross-entropy',
  magnitudes: {
    binaryCrossEntropyForward: magnitudes,
    binaryCrossEntropyBackward: relative,
  },
  draw: (random) => ({ gradients: [binaryCrossEntropyCase(random, drawExtents(random, 1)[0])] }),
};

/** @param B number of examples */
export function binaryCrossEntropyCase(
  random: RandomStream,
  B: number,
): GradientDeclaration<keyof typeof binaryCrossEntropyOps> {
  return {
    title: `binaryCrossEntropy (${B}, 1)`,
    inputs: { z: reals(random, [B, 1]) },
    constants: { t: integers(random, [B], 2) },
    forward: [{ op: 'binaryCrossEntropyForward' }],
    backward: [{ op: 'binaryCrossEntropyBackward' }],
  };
}
