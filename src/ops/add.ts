/**
 * Addition: y = a + b, element by element.
 *
 *   a, b, y, da, db, dy   any shape, the same for all; n elements
 *
 * Backward. ∂y/∂a = ∂y/∂b = 1, so both gradients equal dy, and no kernel is needed:
 *
 *   da = dy    db = dy
 *
 * Where a value is used twice, the chain rule adds the gradients of both uses. In a residual block,
 * y = f(x) + x, the backward of f turns dy into the gradient dxf of the first use, and the gradient
 * of the second use is dy itself. So
 *
 *   dx = dxf + dy
 *
 * which is this op again. Saved for backward: nothing.
 *
 * Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
 *
 * Kernels: assembly/add.ts, shaders/add.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

export function add(y: Values, a: Values, b: Values): void {
  for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
}

export const addOps = defineOps({
  add: defineOp({
    outputs: ['y'],
    inputs: ['a', 'b'],
    sizes: ['n'],
    formula: 'y = a + b',
    shapes({ a, b }) {
      expectSameShapes('add', { a, b });
      return { outputs: { y: a }, sizes: { n: sizeOf(a) } };
    },
    terms: () => 2,
    reference: ({ y, a, b }) => add(y, a, b),
  }),
});

export const addCases: OpCases<keyof typeof addOps> = {
  name: 'add',
  magnitudes: { add: relative },
  draw: (random) => ({ gradients: [addCase(random, drawExtents(random, 2))] }),
};

/** y = (x + c) + x: x is used twice, so its gradient is the sum of both. */
export function addCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof addOps> {
  return {
    title: `add ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    constants: { c: reals(random, shape) },
    forward: [
      { op: 'add', tensors: { a: 'x', b: 'c', y: 'h' } },
      { op: 'add', tensors: { a: 'h', b: 'x' } },
    ],
    backward: [{ op: 'add', tensors: { a: 'dy', b: 'dy', y: 'dx' } }],
  };
}
