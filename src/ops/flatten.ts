/**
 * Flatten: images (B, H, W, C) become rows (B, C·H·W), in PyTorch's order: channel by channel, and
 * row by row within each.
 *
 *   x, dx   (B, H, W, C), channels last
 *   y, dy   (B, C·H·W)
 *
 * With P = H·W places, counted p = h·W + w, every image is a matrix (P, C) that is transposed:
 *
 *   y[n, c·P + p] = x[n, p, c]
 *
 * Nothing is computed, so a linear layer behind it has its weights in the order in which PyTorch,
 * which keeps channels first, has them.
 *
 * Backward. Each element of y is one of x, so each gradient goes back to where its element came from:
 *
 *   dx[n, p, c] = dy[n, c·P + p]
 *
 * which is the inverse of forward: it also turns PyTorch's images into this library's.
 *
 * Kernels: assembly/flatten.ts, shaders/flatten.wgsl
 */
import type { Shape, Values } from '../tensor.js';
import { defineOp, expectRank, expectShape } from './types.js';

export function flattenForward(y: Values, x: Values, B: number, P: number, C: number): void {
  for (let n = 0; n < B; n++) {
    for (let p = 0; p < P; p++) {
      for (let c = 0; c < C; c++) y[(n * C + c) * P + p] = x[(n * P + p) * C + c];
    }
  }
}

export function flattenBackward(dx: Values, dy: Values, B: number, P: number, C: number): void {
  for (let n = 0; n < B; n++) {
    for (let p = 0; p < P; p++) {
      for (let c = 0; c < C; c++) dx[(n * P + p) * C + c] = dy[(n * C + c) * P + p];
    }
  }
}

/** [B, P, C] of images (B, H, W, C) and rows (B, C·H·W). */
function sizesOf(imageRole: string, images: Shape, rowRole: string, rows: Shape): number[] {
  expectRank('flatten', imageRole, images, '(B, H, W, C)');
  const [B, H, W, C] = images;
  expectShape('flatten', rowRole, rows, [B, C * H * W]);
  return [B, H * W, C];
}

export const flattenOps = {
  flattenForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    formula: 'y[n, c·P + p] = x[n, p, c]',
    sizes: ({ y, x }) => sizesOf('x', x, 'y', y),
    reference: ({ y, x }, [B, P, C]) => flattenForward(y, x, B, P, C),
  }),

  flattenBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy'],
    formula: 'dx[n, p, c] = dy[n, c·P + p]',
    sizes: ({ dx, dy }) => sizesOf('dx', dx, 'dy', dy),
    reference: ({ dx, dy }, [B, P, C]) => flattenBackward(dx, dy, B, P, C),
  }),
};
