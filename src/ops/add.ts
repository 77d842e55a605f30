/**
 * Addition, element by element: y = a + b.
 *
 *   a, b, y   any shape, the same for all three
 *
 * Backward. ∂y/∂a = ∂y/∂b = 1, so both gradients are that of y, and no kernel is needed:
 *
 *   da = dy,  db = dy
 *
 * Where a value is used twice, the chain rule adds the gradients of both uses. For a residual block,
 * y = f(x) + x, that is this very op again:
 *
 *   dx = df(dy) + dy        df(dy) the gradient that f hands to its input
 *
 * Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
 *
 * Kernels: assembly/add.ts, shaders/add.wgsl
 */
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes } from './types.js';

export function add(y: Values, a: Values, b: Values): void {
  for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
}

export const addOps = {
  add: defineOp({
    outputs: ['y'],
    inputs: ['a', 'b'],
    formula: 'y = a + b',
    sizes({ a, b, y }) {
      expectSameShapes('add', { a, b, y });
      return [sizeOf(y)];
    },
    reference: ({ y, a, b }) => add(y, a, b),
  }),
};
