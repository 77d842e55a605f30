/**
 * Average pooling: the mean of each window of an image, separately for each channel.
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, C)
 *   KH, KW                height and width of the window
 *   SH, SW                strides: how far the window moves from one output pixel to the next
 *   PH, PW                paddings: rows and columns of zeros on each side of the image
 *
 * OH, OW and the windows are those of max-pool2d.ts: h = SH oh − PH + kh, w = SW ow − PW + kw.
 *
 *   y[n, oh, ow, c] = 1/(KH KW) Σ x[n, h, w, c]    over kh, kw
 *
 * The divisor counts the padding, as PyTorch does by default.
 *
 * Backward. ∂y/∂x = 1/(KH KW) for every pixel of the window. A pixel gets that share of dy from
 * every window that covers it, and 0 if none does:
 *
 *   dx[n, h, w, c] = Σ dy[n, oh, ow, c] ∂y[n, oh, ow, c]/∂x[n, h, w, c]      over oh, ow
 *                  = 1/(KH KW) Σ dy[n, oh, ow, c]    over the windows that cover (h, w)
 *
 * Saved for backward: nothing.
 *
 * Kernels: assembly/average-pool2d.ts, shaders/average-pool2d.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Values } from '../tensor.js';
import { absolute, type GradientDeclaration, type OpCases, reals } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import {
  drawPoolings,
  formatPooling,
  type ImageSizes,
  imageSizes,
  type PoolingSizes,
  type PoolingWindow,
  pooledShape,
  WINDOW_ATTRIBUTES,
  windowOf,
  windowsOf,
  windowsPerPixel,
} from './pooling-window.js';
import { expectShape } from './shape-checks.js';
import { sumInto } from './sum-into.js';

/** y (B, OH, OW, C) of x (B, H, W, C). */
export function averagePool2dForward(
  y: Values,
  x: Values,
  sizes: ImageSizes,
  window: PoolingWindow,
): void {
  const { C } = sizes;
  const area = window.kernelHeight * window.kernelWidth;
  for (const { output, taps } of windowsOf(sizes, window)) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (const { pixel } of taps) sum += x[pixel + c];
      y[output + c] = sum / area;
    }
  }
}

/** dx (B, H, W, C) of dy (B, OH, OW, C). */
export function averagePool2dBackward(
  dx: Values,
  dy: Values,
  sizes: ImageSizes,
  window: PoolingWindow,
): void {
  const { C } = sizes;
  const area = window.kernelHeight * window.kernelWidth;
  sumInto(dx, (sums) => {
    for (const { output, taps } of windowsOf(sizes, window)) {
      for (const { pixel } of taps) {
        for (let c = 0; c < C; c++) sums[pixel + c] += dy[output + c] / area;
      }
    }
  });
}

export const averagePool2dOps = defineOps({
  averagePool2dForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    attributes: WINDOW_ATTRIBUTES,
    sizes: ['B', 'H', 'W', 'C'],
    formula: 'y = 1/(KH KW) Σ x over the window',
    shapes: ({ x }, window) => ({
      outputs: { y: pooledShape('averagePool2d', x, window) },
      sizes: imageSizes(x),
    }),
    terms: (_, { kernelHeight, kernelWidth }) => kernelHeight * kernelWidth,
    reference: ({ y, x }, sizes, window) => averagePool2dForward(y, x, sizes, window),
  }),

  averagePool2dBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy'],
    like: ['dx'],
    attributes: WINDOW_ATTRIBUTES,
    sizes: ['B', 'H', 'W', 'C'],
    formula: 'dx = 1/(KH KW) Σ dy over the windows that cover this pixel',
    shapes({ dy, dx }, window) {
      expectShape('averagePool2d', 'dy', dy, pooledShape('averagePool2d', dx, window));
      return { outputs: { dx }, sizes: imageSizes(dx) };
    },
    terms: (_, window) => windowsPerPixel(window),
    reference: ({ dx, dy }, sizes, window) => averagePool2dBackward(dx, dy, sizes, window),
  }),
});

export const averagePool2dCases: OpCases<keyof typeof averagePool2dOps> = {
  name: 'average-pool2d',
  magnitudes: {
    averagePool2dForward: absolute,
    averagePool2dBackward: absolute,
  },
  draw: (random) => ({
    gradients: drawPoolings(random).map((sizes) => averagePool2dCase(random, sizes)),
  }),
};

export function averagePool2dCase(
  random: RandomStream,
  sizes: PoolingSizes,
): GradientDeclaration<keyof typeof averagePool2dOps> {
  const attributes = windowOf(sizes);
  return {
    title: `averagePool2d ${formatPooling(sizes)}`,
    inputs: { x: reals(random, sizes.shape) },
    forward: [{ op: 'averagePool2dForward', attributes }],
    backward: [{ op: 'averagePool2dBackward', attributes, like: { dx: 'x' } }],
  };
}
