/**
 * Leaky ReLU: y = x where x > 0, else s x, element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four
 *   s              slope below zero, a constant of at least 0; with s = 0 it is ReLU
 *
 * Backward. ∂y/∂x is 1 where x > 0 and s where x < 0. At the corner x = 0 any value between the two
 * is a subgradient, and s is used, as PyTorch does. So
 *
 *   dx = dy where x > 0, else s dy
 *
 * Since s ≥ 0, x > 0 exactly where y > 0, and backward reads y: x need not be kept.
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
import { defineOp, elementwise } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function leakyReluForward(y: Values, x: Values, s: number): void {
  for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : s * x[i];
}

export function leakyReluBackward(dx: Values, dy: Values, y: Values, s: number): void {
  for (let i = 0; i < y.length; i++) dx[i] = y[i] > 0 ? dy[i] : s * dy[i];
}

/** @throws RangeError unless `slope` is finite and at least 0 */
export function expectNegativeSlope(slope: unknown): asserts slope is number {
  expectNumber('leakyRelu', 'negativeSlope', slope, 0);
}

export const leakyReluOps = {
  leakyReluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    attributes: ['negativeSlope'],
    sizes: ['n'],
    formula: 'y = x where x > 0, else s x',
    shapes({ x }, { negativeSlope }) {
      expectNegativeSlope(negativeSlope);
      return { outputs: { y: x }, sizes: { n: sizeOf(x) } };
    },
    terms: elementwise,
    reference: ({ y, x }, _, { negativeSlope }) => leakyReluForward(y, x, negativeSlope),
  }),

  leakyReluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    attributes: ['negativeSlope'],
    sizes: ['n'],
    formula: 'dx = dy where y > 0, else s dy',
    shapes({ dy, y }, { negativeSlope }) {
      expectSameShapes('leakyRelu', { y, dy });
      expectNegativeSlope(negativeSlope);
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: elementwise,
    reference: ({ dx, dy, y }, _, { negativeSlope }) => leakyReluBackward(dx, dy, y, negativeSlope),
  }),
};

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
