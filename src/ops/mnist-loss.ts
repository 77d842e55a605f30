/**
 * The "MNIST loss" of the fastai book: the distance between 1 and the probability of the correct
 * class.
 *
 *   z, dz (B, 1) logits    t (B) targets, 0 or 1    p (B, 1) probabilities of class 1    L (1)
 *
 *   p[n] = σ(z[n]) = 1 / (1 + e^−z[n])
 *   L = (1/B) Σₙ ℓ[n]    ℓ[n] = 1 − p[n] where t[n] = 1, p[n] where t[n] = 0
 *
 * Backward. With ∂p/∂z = p (1 − p) (see sigmoid.ts), and ∂ℓ/∂p = −1 where t = 1 and +1 where t = 0:
 *
 *   dz[n] = ∂L/∂ℓ[n] ∂ℓ[n]/∂p[n] ∂p[n]/∂z[n] = ± p[n] (1 − p[n]) / B    − where t[n] = 1, else +
 *
 * The gradient of cross-entropy, (p − t) / B, is large when the prediction is confidently wrong.
 * This one vanishes there too, so training with it is slower.
 *
 * Saved for backward: p.
 *
 * Source: Howard, Gugger, "Deep learning for coders with fastai and PyTorch", 2020, chapter 4.
 *
 * Kernels: assembly/mnist-loss.ts, shaders/mnist-loss.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Values } from '../tensor.js';
import { binarySizes } from './binary-cross-entropy.js';
import {
  drawExtents,
  type GradientDeclaration,
  integers,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { sigmoid } from './sigmoid.js';

/** L (1) and p (B, 1) of z (B, 1) and t (B). */
export function mnistLossForward(
  L: Values,
  p: Values,
  z: Values,
  t: Values,
  { B }: Numbers<'B'>,
): void {
  let sum = 0;
  for (let n = 0; n < B; n++) {
    p[n] = sigmoid(z[n]);
    sum += t[n] === 1 ? sigmoid(-z[n]) : p[n];
  }
  L[0] = sum / B;
}

/** dz (B, 1) of p (B, 1) and t (B). */
export function mnistLossBackward(dz: Values, p: Values, t: Values, { B }: Numbers<'B'>): void {
  for (let n = 0; n < B; n++) {
    const sign = t[n] === 1 ? -1 : 1;
    dz[n] = (sign * p[n] * (1 - p[n])) / B;
  }
}

export const mnistLossOps = defineOps({
  mnistLossForward: defineOp({
    outputs: ['L', 'p'],
    inputs: ['z', 't'],
    dtypes: { t: 'int32' },
    below: { t: () => 2 },
    sizes: ['B'],
    formula: 'p = σ(z), L = (1/B) Σₙ (1 − p where t = 1, else p)',
    shapes: ({ z, t }) => ({ outputs: { L: [1], p: z }, sizes: binarySizes('mnistLoss', z, t) }),
    terms: ({ B }) => B,
    reference: ({ L, p, z, t }, sizes) => mnistLossForward(L, p, z, t, sizes),
  }),

  mnistLossBackward: defineOp({
    outputs: ['dz'],
    inputs: ['p', 't'],
    dtypes: { t: 'int32' },
    below: { t: () => 2 },
    sizes: ['B'],
    formula: 'dz = ± p (1 − p) / B, − where t = 1',
    shapes: ({ p, t }) => ({ outputs: { dz: p }, sizes: binarySizes('mnistLoss', p, t) }),
    terms: () => 1,
    reference: ({ dz, p, t }, sizes) => mnistLossBackward(dz, p, t, sizes),
  }),
});

export const mnistLossCases: OpCases<keyof typeof mnistLossOps> = {
  name: 'mnist-loss',
  magnitudes: {
    mnistLossForward: relative,
    mnistLossBackward: relative,
  },
  draw: (random) => ({ gradients: [mnistLossCase(random, drawExtents(random, 1)[0])] }),
};

/** @param B number of examples */
export function mnistLossCase(
  random: RandomStream,
  B: number,
): GradientDeclaration<keyof typeof mnistLossOps> {
  return {
    title: `mnistLoss (${B}, 1)`,
    inputs: { z: reals(random, [B, 1]) },
    constants: { t: integers(random, [B], 2) },
    forward: [{ op: 'mnistLossForward' }],
    backward: [{ op: 'mnistLossBackward' }],
  };
}
