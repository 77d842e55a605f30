/**
 * ReLU: y = max(x, 0), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four
 *
 * Backward. ∂y/∂x is 1 where x > 0 and 0 where x < 0. At x = 0 the function has a
 * corner; any value in [0, 1] is a subgradient, and 0 is used, as PyTorch does. So
 *
 *   dx = dy where x > 0, else 0
 *
 * Since x > 0 exactly where y > 0, backward reads y: x need not be kept.
 *
 * Kernels: assembly/relu.ts, shaders/relu.wgsl
 */
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes } from './types.js';

export function reluForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) y[i] = Math.max(x[i], 0);
}

export function reluBackward(dx: Values, dy: Values, y: Values): void {
  for (let i = 0; i < y.length; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

export const reluOps = {
  reluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    formula: 'y = max(x, 0)',
    sizes({ x, y }) {
      expectSameShapes('relu', { x, y });
      return [sizeOf(x)];
    },
    reference: ({ y, x }) => reluForward(y, x),
  }),

  reluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    formula: 'dx = dy where y > 0, else 0',
    sizes({ y, dx, dy }) {
      expectSameShapes('relu', { y, dx, dy });
      return [sizeOf(y)];
    },
    reference: ({ dx, dy, y }) => reluBackward(dx, dy, y),
  }),
};
