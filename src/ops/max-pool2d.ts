/**
 * Max pooling: the largest value in each window of an image, separately for each channel.
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, C)    index (B, OH, OW, C) uint8
 *   KH, KW                height and width of the window
 *   SH, SW                strides: how far the window moves from one output pixel to the next
 *   PH, PW                paddings: rows and columns of −∞ on each side of the image
 *
 *   OH = ⌊(H + 2 PH − KH) / SH⌋ + 1
 *   OW = ⌊(W + 2 PW − KW) / SW⌋ + 1
 *
 * Output pixel (oh, ow) reads pixel (h, w) of x at place (kh, kw) of its window:
 *
 *   h = SH oh − PH + kh    w = SW ow − PW + kw
 *   y[n, oh, ow, c] = max x[n, h, w, c]    over kh, kw
 *
 * The padding is at most half the window, so every window contains a pixel of the image. The
 * padding therefore never is the maximum, and the implementation skips it.
 *
 * Backward. Let (h, w) be the pixel with the maximum. y equals x there as long as x changes little,
 * so ∂y/∂x is 1 for this pixel and 0 for all others in the window. If several pixels share the
 * maximum, the function has a corner; the first in row-major order is used, as in PyTorch, so each
 * window passes its dy on once. Where windows overlap, an x can be the maximum of several, and
 * their gradients add:
 *
 *   dx[n, h, w, c] = Σ dy[n, oh, ow, c] ∂y[n, oh, ow, c]/∂x[n, h, w, c]      over oh, ow
 *                  = Σ dy[n, oh, ow, c]    over the windows whose maximum is at (h, w)
 *
 * Pixels that no window covers, such as the last row of an odd image, get 0.
 *
 * Saved for backward: index = kh KW + kw of the maximum, one byte for each output; x is not needed.
 * NaN counts as larger than every number, and the last NaN of a window is its maximum, as in
 * PyTorch.
 *
 * Kernels: assembly/max-pool2d.ts, shaders/max-pool2d.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import type { Values } from '../tensor.js';
import {
  absolute,
  distinctReals,
  type GradientDeclaration,
  type OpCases,
  relative,
} from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import {
  drawPoolings,
  expectWindow,
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

/** y and index (B, OH, OW, C) of x (B, H, W, C). */
export function maxPool2dForward(
  y: Values,
  index: Values,
  x: Values,
  sizes: ImageSizes,
  window: PoolingWindow,
): void {
  const { C } = sizes;
  for (const { output, taps } of windowsOf(sizes, window)) {
    for (let c = 0; c < C; c++) {
      let best = taps[0];
      for (const tap of taps) {
        const value = x[tap.pixel + c];
        if (value > x[best.pixel + c] || Number.isNaN(value)) best = tap;
      }
      y[output + c] = x[best.pixel + c];
      index[output + c] = best.position;
    }
  }
}

/** dx (B, H, W, C) of dy and index (B, OH, OW, C). */
export function maxPool2dBackward(
  dx: Values,
  dy: Values,
  index: Values,
  sizes: ImageSizes,
  window: PoolingWindow,
): void {
  const { C } = sizes;
  sumInto(dx, (sums) => {
    for (const { output, taps } of windowsOf(sizes, window)) {
      for (const { position, pixel } of taps) {
        for (let c = 0; c < C; c++) {
          if (index[output + c] === position) sums[pixel + c] += dy[output + c];
        }
      }
    }
  });
}

/** Number of values of a byte: the index is stored as uint8. */
const MOST_POSITIONS = 256;

/** @throws ShapeError as `expectWindow` does, and when an index does not fit into a byte */
export function expectMaxPoolWindow(window: PoolingWindow): void {
  expectWindow('maxPool2d', window);
  const { kernelHeight, kernelWidth } = window;
  if (kernelHeight * kernelWidth > MOST_POSITIONS) {
    throw new ShapeError(
      `maxPool2d: expected a window of at most ${MOST_POSITIONS} pixels, got ${kernelHeight} × ${kernelWidth}`,
    );
  }
}

export const maxPool2dOps = defineOps({
  maxPool2dForward: defineOp({
    outputs: ['y', 'index'],
    inputs: ['x'],
    dtypes: { index: 'uint8' },
    attributes: WINDOW_ATTRIBUTES,
    sizes: ['B', 'H', 'W', 'C'],
    formula: 'y = max x over the window, index = kh KW + kw of the maximum',
    shapes({ x }, window) {
      expectMaxPoolWindow(window);
      const y = pooledShape('maxPool2d', x, window);
      return { outputs: { y, index: y }, sizes: imageSizes(x) };
    },
    terms: () => 1,
    reference: ({ y, index, x }, sizes, window) => maxPool2dForward(y, index, x, sizes, window),
  }),

  maxPool2dBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'index'],
    like: ['dx'],
    dtypes: { index: 'uint8' },
    attributes: WINDOW_ATTRIBUTES,
    sizes: ['B', 'H', 'W', 'C'],
    formula: 'dx = Σ dy over the windows whose index is this pixel',
    shapes({ dy, index, dx }, window) {
      expectMaxPoolWindow(window);
      const y = pooledShape('maxPool2d', dx, window);
      expectShape('maxPool2d', 'dy', dy, y);
      expectShape('maxPool2d', 'index', index, y);
      return { outputs: { dx }, sizes: imageSizes(dx) };
    },
    terms: (_, window) => windowsPerPixel(window),
    reference: ({ dx, dy, index }, sizes, window) =>
      maxPool2dBackward(dx, dy, index, sizes, window),
  }),
});

export const maxPool2dCases: OpCases<keyof typeof maxPool2dOps> = {
  name: 'max-pool2d',
  magnitudes: {
    maxPool2dForward: relative,
    maxPool2dBackward: absolute,
  },
  draw: (random) => ({
    gradients: drawPoolings(random).map((sizes) => maxPool2dCase(random, sizes)),
  }),
};

export function maxPool2dCase(
  random: RandomStream,
  sizes: PoolingSizes,
): GradientDeclaration<keyof typeof maxPool2dOps> {
  const attributes = windowOf(sizes);
  return {
    title: `maxPool2d ${formatPooling(sizes)}`,
    inputs: { x: distinctReals(random, sizes.shape) },
    forward: [{ op: 'maxPool2dForward', attributes }],
    backward: [{ op: 'maxPool2dBackward', attributes, like: { dx: 'x' } }],
  };
}
