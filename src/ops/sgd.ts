/**
 * Stochastic gradient descent, with PyTorch's meaning of momentum, Nesterov and weight decay.
 *
 *   w, dw, v   any shape, the same for all three    η learning rate    μ momentum    λ weight decay
 *
 *   g = dw + λ w
 *
 *   sgdUpdate           w ← w − η g
 *   sgdMomentumUpdate   v ← μ v + g,  w ← w − η v
 *   sgdNesterovUpdate   v ← μ v + g,  w ← w − η (g + μ v)
 *
 * v starts at 0, so the first step of momentum is a plain one. PyTorch's dampening is 0 here.
 * η is this step's entry of the schedule: see step-state.ts.
 *
 * Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in
 * deep learning", ICML 2013, in the form in which PyTorch writes it.
 *
 * Kernels: assembly/sgd.ts, shaders/sgd.wgsl
 */
import { type Shape, sizeOf, type Values } from '../tensor.js';
import { learningRate } from './step-state.js';
import { defineOp, expectSameShapes } from './types.js';

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

export const sgdOps = {
  sgdUpdate: defineOp({
    outputs: ['w'],
    inputs: ['dw', 'schedule', 'state'],
    attributes: ['weightDecay'],
    formula: 'w ← w − η (dw + λ w)',
    sizes: ({ w, dw }) => updateSizes({ w, dw }),
    reference: ({ w, dw, schedule, state }, _, { weightDecay }) =>
      sgdUpdate(w, dw, learningRate(schedule, state), weightDecay),
  }),

  sgdMomentumUpdate: defineOp({
    outputs: ['w', 'v'],
    inputs: ['dw', 'schedule', 'state'],
    attributes: ['momentum', 'weightDecay'],
    formula: 'v ← μ v + dw + λ w, w ← w − η v',
    sizes: ({ w, v, dw }) => updateSizes({ w, v, dw }),
    reference: ({ w, v, dw, schedule, state }, _, { momentum, weightDecay }) =>
      sgdMomentumUpdate(w, v, dw, learningRate(schedule, state), momentum, weightDecay),
  }),

  sgdNesterovUpdate: defineOp({
    outputs: ['w', 'v'],
    inputs: ['dw', 'schedule', 'state'],
    attributes: ['momentum', 'weightDecay'],
    formula: 'g = dw + λ w, v ← μ v + g, w ← w − η (g + μ v)',
    sizes: ({ w, v, dw }) => updateSizes({ w, v, dw }),
    reference: ({ w, v, dw, schedule, state }, _, { momentum, weightDecay }) =>
      sgdNesterovUpdate(w, v, dw, learningRate(schedule, state), momentum, weightDecay),
  }),
};

function updateSizes(shapes: Readonly<Record<string, Shape>>): readonly number[] {
  expectSameShapes('sgd', shapes);
  return [sizeOf(shapes.w)];
}
