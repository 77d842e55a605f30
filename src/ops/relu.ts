/**
 * ReLU: y = max(x, 0), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *
 * Backward. ∂y/∂x is 1 where x > 0 and 0 where x < 0. At x = 0 the function has a corner; any value
 * in [0, 1] is a subgradient, and 0 is used, as in PyTorch. So
 *
 *   dx = dy where x > 0, else 0
 *
 * Saved for backward: y. As y > 0 exactly where x > 0, x is not needed.
 *
 * Kernels: assembly/relu.ts, shaders/relu.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function reluForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) y[i] = Math.max(x[i], 0);
}

export function reluBackward(dx: Values, dy: Values, y: Values): void {
  for (let i = 0; i < y.length; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

export const reluOps = defineOps({
  reluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['n'],
    formula: 'y = max(x, 0)',
    shapes: ({ x }) => ({ outputs: { y: x }, sizes: { n: sizeOf(x) } }),
    terms: () => 1,
    reference: ({ y, x }) => reluForward(y, x),
  }),

  reluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    sizes: ['n'],
    formula: 'dx = dy where y > 0, else 0',
    shapes({ dy, y }) {
      expectSameShapes('relu', { y, dy });
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, y }) => reluBackward(dx, dy, y),
  }),
});

export const reluCases: OpCases<keyof typeof reluOps> = {
  name: 'relu',
  magnitudes: {
    reluForward: relative,
    reluBackward: relative,
  },
  draw: (random) => ({ gradients: [reluCase(random, drawExtents(random, 2))] }),
};

export function reluCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof reluOps> {
  return {
    title: `relu ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'reluForward' }],
    backward: [{ op: 'reluBackward' }],
  };
}
