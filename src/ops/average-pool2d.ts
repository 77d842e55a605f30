/**
 * Average pooling: the mean of each window of an image, channel by channel.
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, C)
 *   window KH × KW, moved by SH and SW; PH and PW pixels of 0 around the image
 *
 * with OH, OW and the windows of src/ops/max-pool2d.ts.
 *
 *   y[n, oh, ow, c] = 1/(KH KW) Σ x[n, oh SH − PH + kh, ow SW − PW + kw, c]    over kh and kw
 *
 * The divisor counts the padding, as PyTorch's does by default.
 *
 * Backward. ∂y/∂x = 1/(KH KW) for each pixel of the window, so a pixel gets that part of the dy of
 * every window that covers it, and 0 where none does:
 *
 *   dx[n, h, w, c] = 1/(KH KW) Σ dy[n, oh, ow, c]    over the windows that cover (h, w)
 *
 * Nothing is saved for backward.
 *
 * Kernels: assembly/average-pool2d.ts, shaders/average-pool2d.wgsl
 */
import type { Shape, Values } from '../tensor.js';
import { type PoolingWindow, pooledShape, WINDOW_ATTRIBUTES, windowsOf } from './max-pool2d.js';
import { defineOp, expectShape } from './types.js';

export function averagePool2dForward(
  y: Values,
  x: Values,
  sizes: readonly number[],
  window: PoolingWindow,
): void {
  const C = sizes[3];
  const area = window.kernelHeight * window.kernelWidth;
  for (const { output, taps } of windowsOf(sizes, window)) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (const { pixel } of taps) sum += x[pixel + c];
      y[output + c] = sum / area;
    }
  }
}

export function averagePool2dBackward(
  dx: Values,
  dy: Values,
  sizes: readonly number[],
  window: PoolingWindow,
): void {
  const C = sizes[3];
  const area = window.kernelHeight * window.kernelWidth;
  dx.fill(0);
  for (const { output, taps } of windowsOf(sizes, window)) {
    for (const { pixel } of taps) {
      for (let c = 0; c < C; c++) dx[pixel + c] += dy[output + c] / area;
    }
  }
}

export const averagePool2dOps = {
  averagePool2dForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    attributes: WINDOW_ATTRIBUTES,
    formula: 'y = 1/(KH KW) Σ x over the window',
    sizes: ({ y, x }, window) => averagePoolSizes(x, y, 'y', window),
    reference: ({ y, x }, sizes, window) => averagePool2dForward(y, x, sizes, window),
  }),

  averagePool2dBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy'],
    attributes: WINDOW_ATTRIBUTES,
    formula: 'dx = 1/(KH KW) Σ dy over the windows that cover it',
    sizes: ({ dx, dy }, window) => averagePoolSizes(dx, dy, 'dy', window),
    reference: ({ dx, dy }, sizes, window) => averagePool2dBackward(dx, dy, sizes, window),
  }),
};

/** [B, H, W, C] of x, whose pooled form y must have. */
function averagePoolSizes(x: Shape, y: Shape, role: string, window: PoolingWindow): Shape {
  expectShape('averagePool2d', role, y, pooledShape('averagePool2d', x, window));
  return x;
}
