/**
 * Global average pooling: the mean of each channel over an image.
 *
 *   x, dx (B, H, W, C)    y, dy (B, C)    P = H W pixels
 *
 *   y[n, c] = (1/P) Σ x[n, h, w, c]    over h and w
 *
 * Backward. Every pixel has the same part in the mean, ∂y[n, c]/∂x[n, h, w, c] = 1/P, so each gets
 * the same:
 *
 *   dx[n, h, w, c] = dy[n, c] / P
 *
 * Nothing is saved for backward.
 *
 * Source: Lin, Chen, Yan, "Network in network", ICLR 2014.
 * Kernels: assembly/global-average-pool.ts, shaders/global-average-pool.wgsl
 */
import type { Shape, Values } from '../tensor.js';
import { defineOp, expectImages, expectShape } from './types.js';

export function globalAveragePoolForward(y: Values, x: Values, [B, P, C]: readonly number[]): void {
  for (let n = 0; n < B; n++) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let p = 0; p < P; p++) sum += x[(n * P + p) * C + c];
      y[n * C + c] = sum / P;
    }
  }
}

export function globalAveragePoolBackward(
  dx: Values,
  dy: Values,
  [B, P, C]: readonly number[],
): void {
  for (let n = 0; n < B; n++) {
    for (let p = 0; p < P; p++) {
      for (let c = 0; c < C; c++) dx[(n * P + p) * C + c] = dy[n * C + c] / P;
    }
  }
}

export const globalAveragePoolOps = {
  globalAveragePoolForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    formula: 'y = mean of x over h and w',
    sizes: ({ y, x }) => poolSizes(x, y, 'y'),
    reference: ({ y, x }, sizes) => globalAveragePoolForward(y, x, sizes),
  }),

  globalAveragePoolBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy'],
    formula: 'dx[h, w] = dy / (H W)',
    sizes: ({ dx, dy }) => poolSizes(dx, dy, 'dy'),
    reference: ({ dx, dy }, sizes) => globalAveragePoolBackward(dx, dy, sizes),
  }),
};

/** [B, P, C] of x (B, H, W, C) and y (B, C). */
function poolSizes(x: Shape, y: Shape, role: string): readonly number[] {
  expectImages('globalAveragePool', 'input', x);
  const [B, H, W, C] = x;
  expectShape('globalAveragePool', role, y, [B, C]);
  return [B, H * W, C];
}
