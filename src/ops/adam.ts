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
import type { RandomStream } from '../random/threefry.js';
import { type Shape, sizeOf, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type KernelDeclaration,
  type OpCases,
  positiveReals,
  reals,
} from './cases.js';
import { defineOp } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';
import { drawStepState, learningRate, stepNumber } from './step-state.js';

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

const ROLES = {
  updates: ['w', 'm', 'v'],
  inputs: ['dw', 'schedule', 'state'],
  dtypes: { state: 'int32' },
  attributes: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
  sizes: ['n'],
} as const;

export const adamOps = {
  adamUpdate: defineOp({
    ...ROLES,
    formula: 'g = dw + λ w, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε)',
    shapes: ({ w, m, v, dw }) => updateShapes({ w, m, v, dw }),
    terms: () => 1,
    reference: ({ w, m, v, dw, schedule, state }, _, numbers) =>
      adamUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), numbers),
  }),

  adamWUpdate: defineOp({
    ...ROLES,
    formula:
      'w ← (1 − η λ) w, m ← β₁ m + (1 − β₁) dw, v ← β₂ v + (1 − β₂) dw², w ← w − η m̂ / (√v̂ + ε)',
    shapes: ({ w, m, v, dw }) => updateShapes({ w, m, v, dw }),
    terms: () => 1,
    reference: ({ w, m, v, dw, schedule, state }, _, numbers) =>
      adamWUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), numbers),
  }),
};

function updateShapes(shapes: Readonly<Record<string, Shape>>) {
  expectSameShapes('adam', shapes);
  return { outputs: {}, sizes: { n: sizeOf(shapes.w) } };
}

export const adamCases: OpCases<keyof typeof adamOps> = {
  name: 'adam',
  magnitudes: {
    adamUpdate: absolute('schedule'),
    adamWUpdate: absolute('schedule'),
  },
  draw: (random) => ({ kernels: [adamCase(random, drawExtents(random, 1)[0])] }),
};

/**
 * Numbers are as in use: a square mean that forgets at once, or a decay that cancels the gradient,
 * would leave a root of almost nothing, which magnifies every rounding without bound.
 *
 * @param n elements of w
 */
export function adamCase(random: RandomStream, n: number): KernelDeclaration<keyof typeof adamOps> {
  const [w, m, dw] = Array.from({ length: 3 }, () => reals(random, [n]));
  const attributes = {
    beta1: 0.5 + 0.5 * random.nextFloat(),
    beta2: 0.9 + 0.1 * random.nextFloat(),
    epsilon: 1e-3 * random.nextFloat(),
    weightDecay: 0.1 * random.nextFloat(),
  };
  return {
    title: `adam (${n})`,
    values: { w, m, dw, v: positiveReals(random, [n]), ...drawStepState(random) },
    calls: [
      { op: 'adamUpdate', attributes },
      { op: 'adamWUpdate', attributes },
    ],
  };
}
