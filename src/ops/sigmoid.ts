/**
 * Logistic sigmoid: y = σ(x) = 1 / (1 + e⁻ˣ), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four
 *
 * For x < 0 the equal form eˣ / (1 + eˣ) is used, so that the exponential never overflows.
 *
 * Backward. With u = 1 + e⁻ˣ, y = 1/u and ∂u/∂x = −e⁻ˣ = 1 − u:
 *
 *   ∂y/∂x = −(1/u²)(1 − u) = (1/u)(1 − 1/u) = y (1 − y)
 *   dx = dy · y (1 − y)
 *
 * Backward reads y only: x need not be kept.
 *
 * Kernels: assembly/sigmoid.ts, shaders/sigmoid.wgsl
 */
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes } from './types.js';

/** σ(x) of one number, without overflow on either side. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export function sigmoidForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) y[i] = sigmoid(x[i]);
}

export function sigmoidBackward(dx: Values, dy: Values, y: Values): void {
  for (let i = 0; i < y.length; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
}

export const sigmoidOps = {
  sigmoidForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    formula: 'y = 1 / (1 + e⁻ˣ)',
    sizes({ x, y }) {
      expectSameShapes('sigmoid', { x, y });
      return [sizeOf(x)];
    },
    reference: ({ y, x }) => sigmoidForward(y, x),
  }),

  sigmoidBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    formula: 'dx = dy · y (1 − y)',
    sizes({ y, dx, dy }) {
      expectSameShapes('sigmoid', { y, dx, dy });
      return [sizeOf(y)];
    },
    reference: ({ dx, dy, y }) => sigmoidBackward(dx, dy, y),
  }),
};
