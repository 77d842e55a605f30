/**
 * Leaky ReLU: y = x where x > 0, else α x, element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *   α              slope for negative x, a constant of at least 0; in code negativeSlope
 *
 * With α = 0 it is ReLU.
 *
 * Backward. ∂y/∂x is 1 where x > 0 and α where x < 0. At x = 0 the function has a corner (unless α
 * is 1); any value between α and 1 is a subgradient, and α is used, as in PyTorch. So
 *
 *   dx = dy where x > 0, else α dy
 *
 * Saved for backward: y. As α ≥ 0, y > 0 exactly where x > 0, so x is not needed.
 *
 * Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
 * 2013.
 *
 * Kernels: assembly/leaky-relu.ts, shaders/leaky-relu.wgsl
 */
import { expectNumber } from '../checks.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function leakyReluForward(y: Values, x: Values, α: number): void {
  for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : α * x[i];
}

export function leakyReluBackward(dx: Values, dy: Values, y: Values, α: number): void {
  for (let i = 0; i < y.length; i++) dx[i] = y[i] > 0 ? dy[i] : α * dy[i];
}

/** @throws RangeError unless `slope` is finite and at least 0 */
export function expectNegativeSlope(slope: unknown): asserts slope is number {
  expectNumber('leakyRelu', 'negativeSlope', slope, 0);
}

export const leakyReluOps = defineOps({
  leakyReluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    attributes: ['negativeSlope'],
    sizes: ['n'],
    formula: 'y = x where x > 0, else α x',
    shapes({ x }, { negativeSlope }) {
      expectNegativeSlope(negativeSlope);
      return { outputs: { y: x }, sizes: { n: sizeOf(x) } };
    },
    terms: () => 1,
    reference: ({ y, x }, _, { negativeSlope }) => leakyReluForward(y, x, negativeSlope),
  }),

  leakyReluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    attributes: ['negativeSlope'],
    sizes: ['n'],
    formula: 'dx = dy where y > 0, else α dy',
    shapes({ dy, y }, { negativeSlope }) {
      expectSameShapes('leakyRelu', { y, dy });
      expectNegativeSlope(negativeSlope);
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, y }, _, { negativeSlope }) => leakyReluBackward(dx, dy, y, negativeSlope),
  }),
});

export const leakyReluCases: OpCases<keyof typeof leakyReluOps> = {
  name: 'leaky-relu',
  magnitudes: {
    leakyReluForward: relative,
    leakyReluBackward: relative,
  },
  draw: (random) => ({
    gradients: [leakyReluCase(random, drawExtents(random, 2), random.nextFloat())],
  }),
};

export function leakyReluCase(
  random: RandomStream,
  shape: Shape,
  negativeSlope: number,
): GradientDeclaration<keyof typeof leakyReluOps> {
  const attributes = { negativeSlope };
  return {
    title: `leakyRelu ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'leakyReluForward', attributes }],
    backward: [{ op: 'leakyReluBackward', attributes }],
  };
}
