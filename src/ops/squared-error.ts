/**
 * Squared error, as a mean or as a sum over the elements.
 *
 *   y (B, O) predictions    t (B, O) targets    dy (B, O)    L (1)
 *
 *   L = s Σ (y − t)²     s = 1 / (B O) for the mean, 1 for the sum
 *
 * Backward:
 *
 *   dy = 2 s (y − t)
 *
 * The sum's gradient grows with the batch, so the learning rate that suits it shrinks with the
 * batch; the mean's does not.
 *
 * Kernels: assembly/squared-error.ts, shaders/squared-error.wgsl
 */
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes, expectShape } from './types.js';

export function squaredErrorForward(L: Values, y: Values, t: Values, scale: number): void {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += (y[i] - t[i]) ** 2;
  L[0] = scale * sum;
}

export function squaredErrorBackward(dy: Values, y: Values, t: Values, scale: number): void {
  for (let i = 0; i < y.length; i++) dy[i] = 2 * scale * (y[i] - t[i]);
}

export const squaredErrorOps = {
  squaredErrorForward: defineOp({
    outputs: ['L'],
    inputs: ['y', 't'],
    attributes: ['scale'],
    formula: 'L = s Σ (y − t)²',
    sizes({ L, y, t }) {
      expectShape('squaredError', 'L', L, [1]);
      expectSameShapes('squaredError', { y, t });
      return [sizeOf(y)];
    },
    reference: ({ L, y, t }, _, { scale }) => squaredErrorForward(L, y, t, scale),
  }),

  squaredErrorBackward: defineOp({
    outputs: ['dy'],
    inputs: ['y', 't'],
    attributes: ['scale'],
    formula: 'dy = 2 s (y − t)',
    sizes({ y, t, dy }) {
      expectSameShapes('squaredError', { y, t, dy });
      return [sizeOf(y)];
    },
    reference: ({ dy, y, t }, _, { scale }) => squaredErrorBackward(dy, y, t, scale),
  }),
};
