/**
 * Hyperbolic tangent: y = tanh(x) = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four
 *
 * Backward, by the quotient rule with s = eˣ − e⁻ˣ and c = eˣ + e⁻ˣ, where s′ = c and c′ = s:
 *
 *   ∂y/∂x = (c·c − s·s) / c² = 1 − y²
 *   dx = dy (1 − y²)
 *
 * Backward reads y only: x need not be kept.
 *
 * Kernels: assembly/tanh.ts, shaders/tanh.wgsl
 */
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes } from './types.js';

export function tanhForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) y[i] = Math.tanh(x[i]);
}

export function tanhBackward(dx: Values, dy: Values, y: Values): void {
  for (let i = 0; i < y.length; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

export const tanhOps = {
  tanhForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    formula: 'y = tanh(x)',
    sizes({ x, y }) {
      expectSameShapes('tanh', { x, y });
      return [sizeOf(x)];
    },
    reference: ({ y, x }) => tanhForward(y, x),
  }),

  tanhBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    formula: 'dx = dy (1 − y²)',
    sizes({ y, dx, dy }) {
      expectSameShapes('tanh', { y, dx, dy });
      return [sizeOf(y)];
    },
    reference: ({ dx, dy, y }) => tanhBackward(dx, dy, y),
  }),
};
