/**
 * Adam and AdamW.
 *
 *   w, dw, m, v   any shape, the same for all four; n elements
 *   η learning rate    λ weight decay    β₁, β₂ decay rates of m and v    t step number, 1, 2, …
 *
 * The two differ in the weight decay:
 *
 *   adamUpdate    g = dw + λ w                 the decay is part of the gradient, so m and v see it
 *   adamWUpdate   w ← w − η λ w, then g = dw   the decay shrinks w directly; m and v do not see it
 *
 * Both continue with
 *
 *   m ← β₁ m + (1 − β₁) g       first moment: running mean of the gradient
 *   v ← β₂ v + (1 − β₂) g²      second moment: running mean of its square
 *   m̂ = m / (1 − β₁ᵗ)           bias correction
 *   v̂ = v / (1 − β₂ᵗ)
 *   w ← w − η m̂ / (√v̂ + ε)
 *
 * Bias correction. m starts at 0, so after t steps it is a weighted sum of the gradients whose
 * weights (1 − β₁) β₁ᵏ, for k = 0 … t − 1, add up to only 1 − β₁ᵗ. Dividing by that makes m̂ a
 * weighted mean. The same holds for v.
 *
 * As in PyTorch, ε is added outside the root. t and η are read from the state of the step; see
 * step-state.ts.
 *
 * Source: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015; Loshchilov, Hutter,
 * "Decoupled weight decay regularization", ICLR 2019.
 *
 * Kernels: assembly/adam.ts, shaders/adam.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type KernelDeclaration,
  type OpCases,
  positiveReals,
  reals,
} from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import {
  drawStepState,
  learningRate,
  rowOfSchedule,
  stepNumber,
  updateShapes,
} from './step-state.js';

interface AdamAttributes {
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
  { beta1, beta2, epsilon, weightDecay }: AdamAttributes,
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
  attributes: AdamAttributes,
): void {
  for (let i = 0; i < w.length; i++) w[i] -= η * attributes.weightDecay * w[i];
  adamUpdate(w, m, v, dw, η, t, { ...attributes, weightDecay: 0 });
}

const ROLES = {
  updates: ['w', 'm', 'v'],
  inputs: ['dw', 'schedule', 'state'],
  dtypes: { state: 'int32' },
  below: rowOfSchedule,
  attributes: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
  sizes: ['n'],
} as const;

export const adamOps = defineOps({
  adamUpdate: defineOp({
    ...ROLES,
    formula: 'g = dw + λ w, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε)',
    shapes: ({ w, m, v, dw, schedule, state }) =>
      updateShapes('adam', { w, m, v, dw }, schedule, state),
    terms: () => 1,
    reference: ({ w, m, v, dw, schedule, state }, _, attributes) =>
      adamUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), attributes),
  }),

  adamWUpdate: defineOp({
    ...ROLES,
    formula:
      'w ← w − η λ w, m ← β₁ m + (1 − β₁) dw, v ← β₂ v + (1 − β₂) dw², w ← w − η m̂ / (√v̂ + ε)',
    shapes: ({ w, m, v, dw, schedule, state }) =>
      updateShapes('adam', { w, m, v, dw }, schedule, state),
    terms: () => 1,
    reference: ({ w, m, v, dw, schedule, state }, _, attributes) =>
      adamWUpdate(w, m, v, dw, learningRate(schedule, state), stepNumber(state), attributes),
  }),
});

export const adamCases: OpCases<keyof typeof adamOps> = {
  name: 'adam',
  magnitudes: {
    adamUpdate: (operands, call) => absolute(operands, call, 'schedule'),
    adamWUpdate: (operands, call) => absolute(operands, call, 'schedule'),
  },
  draw: (random) => ({ kernels: [adamCase(random, drawExtents(random, 1)[0])] }),
};

/**
 * Attributes in the usual ranges. A small β₂, or a decay that cancels the gradient, could make v̂
 * almost 0, and dividing by its root would then amplify rounding errors without bound.
 *
 * @param n number of elements of w
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
