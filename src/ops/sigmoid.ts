/**
 * Logistic sigmoid: y = σ(x) = 1 / (1 + e⁻ˣ), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *
 * For x < 0 the implementation uses the equal form eˣ / (1 + eˣ), so that the exponential never
 * overflows.
 *
 * Backward. Let u = 1 + e⁻ˣ. Then y = 1/u and ∂u/∂x = −e⁻ˣ = 1 − u, so
 *
 *   ∂y/∂x = ∂y/∂u ∂u/∂x = −(1/u²) (1 − u) = (1/u) (1 − 1/u) = y (1 − y)
 *   dx    = dy · y (1 − y)
 *
 * Saved for backward: y.
 *
 * Kernels: assembly/sigmoid.ts, shaders/sigmoid.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

/** σ(x) of one number. */
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

export const sigmoidOps = defineOps({
  sigmoidForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['n'],
    formula: 'y = 1 / (1 + e⁻ˣ)',
    shapes: ({ x }) => ({ outputs: { y: x }, sizes: { n: sizeOf(x) } }),
    terms: () => 1,
    reference: ({ y, x }) => sigmoidForward(y, x),
  }),

  sigmoidBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    sizes: ['n'],
    formula: 'dx = dy · y (1 − y)',
    shapes({ dy, y }) {
      expectSameShapes('sigmoid', { y, dy });
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, y }) => sigmoidBackward(dx, dy, y),
  }),
});

export const sigmoidCases: OpCases<keyof typeof sigmoidOps> = {
  name: 'sigmoid',
  magnitudes: {
    sigmoidForward: relative,
    sigmoidBackward: relative,
  },
  draw: (random) => ({ gradients: [sigmoidCase(random, drawExtents(random, 2))] }),
};

export function sigmoidCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof sigmoidOps> {
  return {
    title: `sigmoid ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'sigmoidForward' }],
    backward: [{ op: 'sigmoidBackward' }],
  };
}
