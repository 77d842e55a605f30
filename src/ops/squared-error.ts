/**
 * Squared error, as a mean or as a sum over all elements.
 *
 *   y, dy (B, O) predictions    t (B, O) targets    L (1)    n = B O elements
 *   scale   1/n for the mean, 1 for the sum
 *
 *   L = scale Σ (y − t)²    over all elements
 *
 * Backward. Each y contributes to one term of the sum:
 *
 *   dy = ∂L/∂y = 2 scale (y − t)
 *
 * Saved for backward: y and t. The gradient of the sum grows with the batch size, so it needs a
 * smaller learning rate for a larger batch. The gradient of the mean does not.
 *
 * Kernels: assembly/squared-error.ts, shaders/squared-error.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function squaredErrorForward(L: Values, y: Values, t: Values, scale: number): void {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += (y[i] - t[i]) ** 2;
  L[0] = scale * sum;
}

export function squaredErrorBackward(dy: Values, y: Values, t: Values, scale: number): void {
  for (let i = 0; i < y.length; i++) dy[i] = 2 * scale * (y[i] - t[i]);
}

export const squaredErrorOps = defineOps({
  squaredErrorForward: defineOp({
    outputs: ['L'],
    inputs: ['y', 't'],
    attributes: ['scale'],
    sizes: ['n'],
    formula: 'L = scale Σ (y − t)²',
    shapes({ y, t }) {
      expectSameShapes('squaredError', { y, t });
      return { outputs: { L: [1] }, sizes: { n: sizeOf(y) } };
    },
    terms: ({ n }) => n,
    reference: ({ L, y, t }, _, { scale }) => squaredErrorForward(L, y, t, scale),
  }),

  squaredErrorBackward: defineOp({
    outputs: ['dy'],
    inputs: ['y', 't'],
    attributes: ['scale'],
    sizes: ['n'],
    formula: 'dy = 2 scale (y − t)',
    shapes({ y, t }) {
      expectSameShapes('squaredError', { y, t });
      return { outputs: { dy: y }, sizes: { n: sizeOf(y) } };
    },
    terms: () => 1,
    reference: ({ dy, y, t }, _, { scale }) => squaredErrorBackward(dy, y, t, scale),
  }),
});

export const squaredErrorCases: OpCases<keyof typeof squaredErrorOps> = {
  name: 'squared-error',
  magnitudes: {
    squaredErrorForward: relative,
    squaredErrorBackward: relative,
  },
  draw(random) {
    const shape = drawExtents(random, 2);
    return {
      gradients: [squaredErrorCase(random, 'mean', shape), squaredErrorCase(random, 'sum', shape)],
    };
  },
};

export function squaredErrorCase(
  random: RandomStream,
  reduction: 'mean' | 'sum',
  shape: Shape,
): GradientDeclaration<keyof typeof squaredErrorOps> {
  const attributes = { scale: reduction === 'sum' ? 1 : 1 / sizeOf(shape) };
  return {
    title: `squaredError, ${reduction}, ${formatShape(shape)}`,
    inputs: { y: reals(random, shape) },
    constants: { t: reals(random, shape) },
    forward: [{ op: 'squaredErrorForward', attributes }],
    backward: [{ op: 'squaredErrorBackward', attributes }],
  };
}
