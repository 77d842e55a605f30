/**
 * Stochastic gradient descent. Momentum, Nesterov momentum and weight decay are defined as in
 * PyTorch.
 *
 *   w, dw, v   any shape, the same for all three; n elements. v is the velocity
 *   η learning rate    μ momentum    λ weight decay
 *
 *   g = dw + λ w
 *
 *   sgdUpdate           w ← w − η g
 *   sgdMomentumUpdate   v ← μ v + g,  w ← w − η v
 *   sgdNesterovUpdate   v ← μ v + g,  w ← w − η (g + μ v)
 *
 * v starts at 0, so the first step with momentum is a plain one. PyTorch's dampening is always 0
 * here. η is read from the schedule; see step-state.ts.
 *
 * Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in
 * deep learning", ICML 2013, in PyTorch's formulation.
 *
 * Kernels: assembly/sgd.ts, shaders/sgd.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Values } from '../tensor.js';
import { absolute, drawExtents, type KernelDeclaration, type OpCases, reals } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { drawStepState, learningRate, rowOfSchedule, updateShapes } from './step-state.js';

export function sgdUpdate(w: Values, dw: Values, η: number, λ: number): void {
  for (let i = 0; i < w.length; i++) w[i] -= η * (dw[i] + λ * w[i]);
}

export function sgdMomentumUpdate(
  w: Values,
  v: Values,
  dw: Values,
  η: number,
  μ: number,
  λ: number,
): void {
  for (let i = 0; i < w.length; i++) {
    v[i] = μ * v[i] + dw[i] + λ * w[i];
    w[i] -= η * v[i];
  }
}

export function sgdNesterovUpdate(
  w: Values,
  v: Values,
  dw: Values,
  η: number,
  μ: number,
  λ: number,
): void {
  for (let i = 0; i < w.length; i++) {
    const g = dw[i] + λ * w[i];
    v[i] = μ * v[i] + g;
    w[i] -= η * (g + μ * v[i]);
  }
}

export const sgdOps = defineOps({
  sgdUpdate: defineOp({
    updates: ['w'],
    inputs: ['dw', 'schedule', 'state'],
    dtypes: { state: 'int32' },
    below: rowOfSchedule,
    attributes: ['weightDecay'],
    sizes: ['n'],
    formula: 'w ← w − η (dw + λ w)',
    shapes: ({ w, dw, schedule, state }) => updateShapes('sgd', { w, dw }, schedule, state),
    terms: () => 1,
    reference: ({ w, dw, schedule, state }, _, { weightDecay }) =>
      sgdUpdate(w, dw, learningRate(schedule, state), weightDecay),
  }),

  sgdMomentumUpdate: defineOp({
    updates: ['w', 'v'],
    inputs: ['dw', 'schedule', 'state'],
    dtypes: { state: 'int32' },
    below: rowOfSchedule,
    attributes: ['momentum', 'weightDecay'],
    sizes: ['n'],
    formula: 'v ← μ v + dw + λ w, w ← w − η v',
    shapes: ({ w, v, dw, schedule, state }) => updateShapes('sgd', { w, v, dw }, schedule, state),
    terms: () => 1,
    reference: ({ w, v, dw, schedule, state }, _, { momentum, weightDecay }) =>
      sgdMomentumUpdate(w, v, dw, learningRate(schedule, state), momentum, weightDecay),
  }),

  sgdNesterovUpdate: defineOp({
    updates: ['w', 'v'],
    inputs: ['dw', 'schedule', 'state'],
    dtypes: { state: 'int32' },
    below: rowOfSchedule,
    attributes: ['momentum', 'weightDecay'],
    sizes: ['n'],
    formula: 'g = dw + λ w, v ← μ v + g, w ← w − η (g + μ v)',
    shapes: ({ w, v, dw, schedule, state }) => updateShapes('sgd', { w, v, dw }, schedule, state),
    terms: () => 1,
    reference: ({ w, v, dw, schedule, state }, _, { momentum, weightDecay }) =>
      sgdNesterovUpdate(w, v, dw, learningRate(schedule, state), momentum, weightDecay),
  }),
});

export const sgdCases: OpCases<keyof typeof sgdOps> = {
  name: 'sgd',
  magnitudes: {
    // With a negative learning rate, w − η (dw + λ w) has only positive terms.
    sgdUpdate: (operands, call) => absolute(operands, call, 'schedule'),
    sgdMomentumUpdate: (operands, call) => absolute(operands, call, 'schedule'),
    sgdNesterovUpdate: (operands, call) => absolute(operands, call, 'schedule'),
  },
  draw: (random) => ({ kernels: [sgdCase(random, drawExtents(random, 1)[0])] }),
};

/** @param n number of elements of w */
export function sgdCase(random: RandomStream, n: number): KernelDeclaration<keyof typeof sgdOps> {
  const [w, v, dw] = Array.from({ length: 3 }, () => reals(random, [n]));
  const [momentum, weightDecay] = [random.nextFloat(), random.nextFloat()];
  return {
    title: `sgd (${n})`,
    values: { w, v, dw, ...drawStepState(random) },
    calls: [
      { op: 'sgdUpdate', attributes: { weightDecay } },
      { op: 'sgdMomentumUpdate', attributes: { momentum, weightDecay } },
      { op: 'sgdNesterovUpdate', attributes: { momentum, weightDecay } },
    ],
  };
}
