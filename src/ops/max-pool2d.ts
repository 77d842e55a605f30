/**
 * Max pooling: the largest number of each window of an image, channel by channel.
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, C)    index (B, OH, OW, C) bytes
 *   window KH × KW, moved by SH and SW; PH and PW pixels of −∞ around the image
 *
 *   OH = ⌊(H + 2 PH − KH) / SH⌋ + 1, and OW likewise
 *   y[n, oh, ow, c] = max over kh, kw of x[n, oh SH − PH + kh, ow SW − PW + kw, c]
 *
 * Padding is at most half the window, so that every window has a pixel of the image in it; −∞ then
 * never wins, and the padding need only be passed over.
 *
 * Backward. With m = (kh, kw) where the maximum is, y = x[m] while x changes a little, so
 * ∂y/∂x[m] = 1 and all else in the window has 0. Where several pixels share the maximum there is a
 * corner; the first in row-major order is taken, as PyTorch does, so that a window hands on its dy
 * once. An x that is the maximum of several windows, where they overlap, gets the sum:
 *
 *   dx[n, h, w, c] = Σ dy[n, oh, ow, c] over the windows whose maximum is at (h, w)
 *
 * and pixels that no window covers, at the end of an odd image, get 0.
 *
 * Saved for backward: index = kh KW + kw of the maximum, a quarter of y's bytes, and not x. NaN
 * counts as larger than everything, the last one in a window winning, as in PyTorch.
 *
 * Kernels: assembly/max-pool2d.ts, shaders/max-pool2d.wgsl
 */
import { expectInteger } from '../checks.js';
import { ShapeError } from '../errors.js';
import type { Shape, Values } from '../tensor.js';
import { defineOp, expectImages, expectShape } from './types.js';

/** Which windows an image is cut into. */
export interface PoolingWindow {
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly paddingHeight: number;
  readonly paddingWidth: number;
}

export const WINDOW_ATTRIBUTES = [
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  'paddingHeight',
  'paddingWidth',
] as const;

export function maxPool2dForward(
  y: Values,
  index: Values,
  x: Values,
  sizes: readonly number[],
  window: PoolingWindow,
): void {
  const C = sizes[3];
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

export function maxPool2dBackward(
  dx: Values,
  dy: Values,
  index: Values,
  sizes: readonly number[],
  window: PoolingWindow,
): void {
  const C = sizes[3];
  dx.fill(0);
  for (const { output, taps } of windowsOf(sizes, window)) {
    for (const { position, pixel } of taps) {
      for (let c = 0; c < C; c++) {
        if (index[output + c] === position) dx[pixel + c] += dy[output + c];
      }
    }
  }
}

/** A pixel of the image that a window covers. */
interface Tap {
  /** kh KW + kw: where it lies in the window. */
  readonly position: number;
  /** Where its channels begin in x. */
  readonly pixel: number;
}

/** Every window of every image, with where the channels of its result begin in y. */
export function* windowsOf(
  [B, H, W, C]: readonly number[],
  window: PoolingWindow,
): Generator<{ output: number; taps: readonly Tap[] }> {
  const { kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth } = window;
  const [OH, OW] = outputExtents([H, W], window);
  for (let n = 0, output = 0; n < B; n++) {
    for (let oh = 0; oh < OH; oh++) {
      for (let ow = 0; ow < OW; ow++, output += C) {
        const [top, left] = [oh * strideHeight - paddingHeight, ow * strideWidth - paddingWidth];
        const taps: Tap[] = [];
        for (const kh of within(top, window.kernelHeight, H)) {
          for (const kw of within(left, kernelWidth, W)) {
            const pixel = ((n * H + top + kh) * W + left + kw) * C;
            taps.push({ position: kh * kernelWidth + kw, pixel });
          }
        }
        yield { output, taps };
      }
    }
  }
}

/** Those k of a window that begins at `begin` whose begin + k lies in the image. */
function* within(begin: number, kernel: number, extent: number): Generator<number> {
  const end = Math.min(kernel, extent - begin);
  for (let k = Math.max(0, -begin); k < end; k++) yield k;
}

/** [OH, OW]: how many windows lie below and beside each other. */
function outputExtents([H, W]: readonly number[], window: PoolingWindow): [number, number] {
  const windows = (extent: number, kernel: number, stride: number, padding: number) =>
    Math.floor((extent + 2 * padding - kernel) / stride) + 1;
  const { kernelHeight, strideHeight, paddingHeight } = window;
  const { kernelWidth, strideWidth, paddingWidth } = window;
  return [
    windows(H, kernelHeight, strideHeight, paddingHeight),
    windows(W, kernelWidth, strideWidth, paddingWidth),
  ];
}

/**
 * The shape (B, OH, OW, C) of what pooling makes of images x.
 *
 * @throws ShapeError when x is no batch of images, or no window fits into one
 */
export function pooledShape(operation: string, x: Shape, window: PoolingWindow): Shape {
  expectWindow(operation, window);
  expectImages(operation, 'input', x);
  const [B, H, W, C] = x;
  const { kernelHeight, kernelWidth, paddingHeight, paddingWidth } = window;
  const [height, width] = [H + 2 * paddingHeight, W + 2 * paddingWidth];
  if (height < kernelHeight || width < kernelWidth) {
    throw new ShapeError(
      `${operation}: expected images of at least ${kernelHeight} × ${kernelWidth}, as large as the window, got ${height} × ${width} with the padding`,
    );
  }
  const [OH, OW] = outputExtents([H, W], window);
  return [B, OH, OW, C];
}

/** @throws ShapeError for extents that are no integers, and for padding beyond half the window */
export function expectWindow(operation: string, window: PoolingWindow): void {
  for (const name of WINDOW_ATTRIBUTES) {
    expectInteger(operation, name, window[name], name.startsWith('padding') ? 0 : 1);
  }
  const { kernelHeight, kernelWidth, paddingHeight, paddingWidth } = window;
  if (2 * paddingHeight > kernelHeight || 2 * paddingWidth > kernelWidth) {
    throw new ShapeError(
      `${operation}: expected padding of at most half the window, ${kernelHeight} × ${kernelWidth}, got ${paddingHeight} × ${paddingWidth}`,
    );
  }
}

/** Positions that a byte can tell apart. */
const MOST_POSITIONS = 256;

/** @throws ShapeError as `expectWindow` does, and when the index does not fit into bytes */
export function expectMaxPoolWindow(window: PoolingWindow): void {
  expectWindow('maxPool2d', window);
  const { kernelHeight, kernelWidth } = window;
  if (kernelHeight * kernelWidth > MOST_POSITIONS) {
    throw new ShapeError(
      `maxPool2d: expected a window of at most ${MOST_POSITIONS} pixels, got ${kernelHeight} × ${kernelWidth}`,
    );
  }
}

/** [B, H, W, C] of x, whose pooled form y and index must have. */
function maxPoolSizes(x: Shape, y: Shape, index: Shape, role: string, window: PoolingWindow) {
  expectMaxPoolWindow(window);
  const shape = pooledShape('maxPool2d', x, window);
  expectShape('maxPool2d', role, y, shape);
  expectShape('maxPool2d', 'index', index, shape);
  return x;
}

export const maxPool2dOps = {
  maxPool2dForward: defineOp({
    outputs: ['y', 'index'],
    inputs: ['x'],
    attributes: WINDOW_ATTRIBUTES,
    formula: 'y = max x[m] over the window, index = the first such m',
    sizes: ({ y, index, x }, window) => maxPoolSizes(x, y, index, 'y', window),
    reference: ({ y, index, x }, sizes, window) => maxPool2dForward(y, index, x, sizes, window),
  }),

  maxPool2dBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'index'],
    attributes: WINDOW_ATTRIBUTES,
    formula: 'dx[m] = Σ dy over the windows with index = m',
    sizes: ({ dx, dy, index }, window) => maxPoolSizes(dx, dy, index, 'dy', window),
    reference: ({ dx, dy, index }, sizes, window) =>
      maxPool2dBackward(dx, dy, index, sizes, window),
  }),
};
