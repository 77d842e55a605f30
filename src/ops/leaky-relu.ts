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
import { type Shape, sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes } from './types.js';

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

function sizesOf(shapes: Readonly<Record<string, Shape>>, slope: number): number[] {
  expectSameShapes('leakyRelu', shapes);
  expectNegativeSlope(slope);
  return [sizeOf(Object.values(shapes)[0])];
}

export const leakyReluOps = {
  leakyReluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    attributes: ['negativeSlope'],
    formula: 'y = x where x > 0, else s x',
    sizes: ({ x, y }, { negativeSlope }) => sizesOf({ x, y }, negativeSlope),
    reference: ({ y, x }, _, { negativeSlope }) => leakyReluForward(y, x, negativeSlope),
  }),

  leakyReluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'y'],
    attributes: ['negativeSlope'],
    formula: 'dx = dy where y > 0, else s dy',
    sizes: ({ y, dx, dy }, { negativeSlope }) => sizesOf({ y, dx, dy }, negativeSlope),
    reference: ({ dx, dy, y }, _, { negativeSlope }) => leakyReluBackward(dx, dy, y, negativeSlope),
  }),
};
