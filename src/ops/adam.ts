/**
 * Adam and AdamW.
 *
 *   w, dw, m, v   any shape, the same for all four    η learning rate    λ weight decay    step t = 1, 2, …
 *
 *   adamUpdate    g = dw + λ w               the penalty joins the gradient, and its moments
 *   adamWUpdate   w ← w − η λ w,  g = dw     the penalty shrinks the weight, apart from the moments
 *
 *   m ← β₁ m + (1 − β₁) g            running mean of the gradient
 *   v ← β₂ v + (1 − β₂) g²           running mean of its square
 *   m̂ = m / (1 − β₁ᵗ)                since m and v start at 0, they are short of the true means by
 *   v̂ = v / (1 − β₂ᵗ)                exactly these factors (for a constant g, m = (1 − β₁ᵗ) g)
 *   w ← w − η m̂ / (√v̂ + ε)
 *
 * t and η are read from the step's state: see step-state.ts.
 *
 * Source: Kingma and Ba, "Adam", ICLR 2015; Loshchilov and Hutter, "Decoupled weight decay
 * regularization", ICLR 2019; ε outside the bias-corrected root, as PyTorch has it.
 *
 * Kernels: assembly/adam.ts, shaders/adam.wgsl
 */
import { type Shape, sizeOf, type Values } from '../tensor.js';
import { learningRate, stepNumber } from './step-state.js';
import { defineOp, expectSameShapes } from './types.js';

interface AdamNumbers {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export function adamUpdate(
  w: Values,
  m: Values,
  v: Values,
  dw: Values,
  η: number,
  t: number,
  { beta1, beta2, epsilon, weightDecay }: AdamNumbers,
): void {
  for (let i = 0; i < w.length; i++) {
    const g = dw[i] + weightDecay * w[i];
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    const mHat = m[i] / (1 - beta1 ** t);
    const vHat = v[i] / (1 - beta2 ** t);
    w[i] -= (η * mHat) / (Math.sqrt(vHat) + epsilon);
  }
}

export function adamWUpdate(
  w: Values,
  m: Values,
  v: Values,
  dw: Values,
  η: number,
  t: number,
  numbers: AdamNumbers,
): void {
  for (let i = 0; i < w.length; i++) w[i] -= η * numbers.weightDecay * w[i];
  adamUpdate(w, m, v, dw, η, t, { ...numbers, weightDecay: 0 });
}

const roles = {
  outputs: ['w', 'm', 'v'],
  inputs: ['dw', 'schedule', 'state'],
  attributes: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
} as const;

export const adamOps = {
  adamUpdate: defineOp({
    ...roles,
    formula: 'g = dw + λ w, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε)',
    sizes: ({ w, m, v, dw }) => updateSizes({ w, m, v, dw }),
    reference: ({ w, m, v, dw, schedule, state }, _, numbers) =>
      adamUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), numbers),
  }),

  adamWUpdate: defineOp({
    ...roles,
    formula:
      'w ← (1 − η λ) w, m ← β₁ m + (1 − β₁) dw, v ← β₂ v + (1 − β₂) dw², w ← w − η m̂ / (√v̂ + ε)',
    sizes: ({ w, m, v, dw }) => updateSizes({ w, m, v, dw }),
    reference: ({ w, m, v, dw, schedule, state }, _, numbers) =>
      adamWUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), numbers),
  }),
};

function updateSizes(shapes: Readonly<Record<string, Shape>>): readonly number[] {
  expectSameShapes('adam', shapes);
  return [sizeOf(shapes.w)];
}
