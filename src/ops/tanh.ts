/**
 * Hyperbolic tangent: y = tanh x = sinh x / cosh x, element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *
 *   sinh x = (eˣ − e⁻ˣ) / 2    cosh x = (eˣ + e⁻ˣ) / 2
 *
 * Backward. By the quotient rule, with sinh′ = cosh and cosh′ = sinh,
 *
 *   ∂y/∂x = (cosh² x − sinh² x) / cosh² x = 1 − y²
 *   dx    = dy (1 − y²)
 *
 * Saved for backward: y.
 *
 * Kernels: assembly/tanh.ts, shaders/tanh.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function tanhForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) y[i] = Math.tanh(x[i]);
}

export function tanhBackward(dx: Values, dy: Values, y: Values): void {
  for (let i = 0; i < y.length; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

export const tanhOps = defineOps({
  tanhForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['n'],
    formula: 'y = tanh(x)',
    shapes: ({ x }) => ({ outputs: { y: x }, sizes: { n: sizeOf(x) } }),
    terms: () => 1,
    reference: ({ y, x }) => tanhForward(y, x),
  }),

  tanhBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    sizes: ['n'],
    formula: 'dx = dy (1 − y²)',
    shapes({ dy, y }) {
      expectSameShapes('tanh', { y, dy });
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, y }) => tanhBackward(dx, dy, y),
  }),
});

export const tanhCases: OpCases<keyof typeof tanhOps> = {
  name: 'tanh',
  magnitudes: {
    tanhForward: relative,
    tanhBackward: ({ dy, y }) => ({ dx: dy.map((d, i) => d * (1 + y[i] ** 2)) }),
  },
  draw: (random) => ({ gradients: [tanhCase(random, drawExtents(random, 2))] }),
};

export function tanhCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof tanhOps> {
  return {
    title: `tanh ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'tanhForward' }],
    backward: [{ op: 'tanhBackward' }],
  };
}
