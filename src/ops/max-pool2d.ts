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
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import {
  absolute,
  distinctReals,
  drawExtents,
  type GradientDeclaration,
  type OpCases,
  relative,
} from './cases.js';
import { windowCount } from './conv2d.js';
import { defineOp, type Numbers } from './define-op.js';
import { expectImages, expectShape } from './shape-checks.js';

export const WINDOW_ATTRIBUTES = [
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  'paddingHeight',
  'paddingWidth',
] as const;

/** Which windows an image is cut into. */
export type PoolingWindow = Numbers<(typeof WINDOW_ATTRIBUTES)[number]>;

/** B, H, W and C of images. */
export type ImageSizes = Numbers<'B' | 'H' | 'W' | 'C'>;

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

export function maxPool2dBackward(
  dx: Values,
  dy: Values,
  index: Values,
  sizes: ImageSizes,
  window: PoolingWindow,
): void {
  const { C } = sizes;
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
  { B, H, W, C }: ImageSizes,
  window: PoolingWindow,
): Generator<{ output: number; taps: readonly Tap[] }> {
  const { kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth } = window;
  const [OH, OW] = outputExtents(H, W, window);
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
function outputExtents(H: number, W: number, window: PoolingWindow): [number, number] {
  const { kernelHeight, strideHeight, paddingHeight } = window;
  const { kernelWidth, strideWidth, paddingWidth } = window;
  return [
    windowCount(H, kernelHeight, strideHeight, paddingHeight),
    windowCount(W, kernelWidth, strideWidth, paddingWidth),
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
  const [OH, OW] = outputExtents(H, W, window);
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

/** The sizes of images x. */
export function imageSizes([B, H, W, C]: Shape): ImageSizes {
  return { B, H, W, C };
}

export const maxPool2dOps = {
  maxPool2dForward: defineOp({
    outputs: ['y', 'index'],
    inputs: ['x'],
    dtypes: { index: 'uint8' },
    attributes: WINDOW_ATTRIBUTES,
    sizes: ['B', 'H', 'W', 'C'],
    formula: 'y = max x[m] over the window, index = the first such m',
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
    formula: 'dx[m] = Σ dy over the windows with index = m',
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
};

/** Most windows that cover a pixel. */
export function windowsPerPixel(window: PoolingWindow): number {
  const { kernelHeight, kernelWidth, strideHeight, strideWidth } = window;
  return Math.ceil(kernelHeight / strideHeight) * Math.ceil(kernelWidth / strideWidth);
}

export const maxPool2dCases: OpCases<keyof typeof maxPool2dOps> = {
  name: 'max-pool2d',
  magnitudes: {
    maxPool2dForward: relative,
    maxPool2dBackward: absolute(),
  },
  draw: (random) => ({
    gradients: drawPoolings(random).map((sizes) => maxPool2dCase(random, sizes)),
  }),
};

export interface PoolingSizes {
  /** (B, H, W, C) */
  readonly shape: Shape;
  /** Height and width, as below. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

export function maxPool2dCase(
  random: RandomStream,
  sizes: PoolingSizes,
): GradientDeclaration<keyof typeof maxPool2dOps> {
  const attributes = windowOf(sizes);
  return {
    title: `maxPool2d ${formatPooling(sizes)}`,
    inputs: { x: distinctReals(random, sizes.shape) },
    forward: [{ op: 'maxPool2dForward', attributes: { ...attributes } }],
    backward: [{ op: 'maxPool2dBackward', attributes: { ...attributes }, like: { dx: 'x' } }],
  };
}

/** Windows of 2 × 2 side by side, and windows that overlap and reach into the padding. */
export function drawPoolings(random: RandomStream): PoolingSizes[] {
  const [H, W, C] = drawExtents(random, 3);
  const [B, tall, wide] = Array.from({ length: 3 }, () => 1 + random.nextBelow(3));
  const shape = [B, H + 1, W + 1, C];
  return [
    { shape, kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
    { shape, kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
    { shape, kernel: [3, 2], stride: [tall, wide], padding: [1, 0] },
  ];
}

export function windowOf({ kernel, stride, padding }: PoolingSizes): PoolingWindow {
  const [kernelHeight, kernelWidth] = kernel;
  const [strideHeight, strideWidth] = stride;
  const [paddingHeight, paddingWidth] = padding;
  return { kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth };
}

export function formatPooling({ shape, kernel, stride, padding }: PoolingSizes): string {
  const pairs = [kernel, stride, padding].map((pair) => pair.join(' × '));
  return `${formatShape(shape)}, window ${pairs[0]}, stride ${pairs[1]}, padding ${pairs[2]}`;
}
