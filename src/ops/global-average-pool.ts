/**
 * Global average pooling: the mean of each channel over all pixels of an image.
 *
 *   x, dx (B, H, W, C)    y, dy (B, C)    P = H W pixels
 *
 *   y[n, c] = 1/(H W) Σ x[n, h, w, c]    over h, w
 *
 * Backward. ∂y[n, c]/∂x[n, h, w, c] = 1/(H W) for every pixel, and each x contributes to one y
 * only:
 *
 *   dx[n, h, w, c] = dy[n, c] ∂y[n, c]/∂x[n, h, w, c] = dy[n, c] / (H W)
 *
 * Saved for backward: nothing.
 *
 * Source: Lin, Chen, Yan, "Network in network", ICLR 2014.
 *
 * Kernels: assembly/global-average-pool.ts, shaders/global-average-pool.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectImages, expectShape } from './shape-checks.js';

type PoolSizes = Numbers<'B' | 'P' | 'C'>;

/** y (B, C) of x (B, P, C). */
export function globalAveragePoolForward(y: Values, x: Values, { B, P, C }: PoolSizes): void {
  for (let n = 0; n < B; n++) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let q = 0; q < P; q++) sum += x[(n * P + q) * C + c];
      y[n * C + c] = sum / P;
    }
  }
}

/** dx (B, P, C) of dy (B, C). */
export function globalAveragePoolBackward(dx: Values, dy: Values, { B, P, C }: PoolSizes): void {
  for (let n = 0; n < B; n++) {
    for (let q = 0; q < P; q++) {
      for (let c = 0; c < C; c++) dx[(n * P + q) * C + c] = dy[n * C + c] / P;
    }
  }
}

export const globalAveragePoolOps = defineOps({
  globalAveragePoolForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['B', 'P', 'C'],
    formula: 'y[n, c] = 1/(H W) Σ x[n, h, w, c] over h, w',
    shapes({ x }) {
      expectImages('globalAveragePool', 'input', x);
      const [B, H, W, C] = x;
      return { outputs: { y: [B, C] }, sizes: { B, P: H * W, C } };
    },
    terms: ({ P }) => P,
    reference: ({ y, x }, sizes) => globalAveragePoolForward(y, x, sizes),
  }),

  globalAveragePoolBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy'],
    like: ['dx'],
    sizes: ['B', 'P', 'C'],
    formula: 'dx[n, h, w, c] = dy[n, c] / (H W)',
    shapes({ dy, dx }) {
      expectImages('globalAveragePool', 'dx', dx);
      const [B, H, W, C] = dx;
      expectShape('globalAveragePool', 'dy', dy, [B, C]);
      return { outputs: { dx }, sizes: { B, P: H * W, C } };
    },
    terms: () => 1,
    reference: ({ dx, dy }, sizes) => globalAveragePoolBackward(dx, dy, sizes),
  }),
});

export const globalAveragePoolCases: OpCases<keyof typeof globalAveragePoolOps> = {
  name: 'global-average-pool',
  magnitudes: {
    globalAveragePoolForward: absolute,
    globalAveragePoolBackward: relative,
  },
  draw(random) {
    const [B, H, W] = drawExtents(random, 3);
    return { gradients: [1, 5, 18].map((C) => globalAveragePoolCase(random, [B, H, W, C])) };
  },
};

/** @param shape (B, H, W, C) */
export function globalAveragePoolCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof globalAveragePoolOps> {
  return {
    title: `globalAveragePool ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'globalAveragePoolForward' }],
    backward: [{ op: 'globalAveragePoolBackward', like: { dx: 'x' } }],
  };
}
