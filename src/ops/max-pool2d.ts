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

/** Which windows an image is cut into. */
export interface PoolingWindow {
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly paddingHeight: number;
  readonly paddingWidth: number;
}

/** B, H, W and C of images. */
export type ImageSizes = Numbers<'B' | 'H' | 'W' | 'C'>;

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
  /** kh KW + kw: its place in the window. */
  readonly position: number;
  /** Offset of its first channel in x. */
  readonly pixel: number;
}

/** Every window of every image. `output` is the offset of its first channel in y. */
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

/** Each k below `kernel` for which begin + k is inside the image. */
function* within(begin: number, kernel: number, extent: number): Generator<number> {
  const end = Math.min(kernel, extent - begin);
  for (let k = Math.max(0, -begin); k < end; k++) yield k;
}

/** [OH, OW] */
function outputExtents(H: number, W: number, window: PoolingWindow): [number, number] {
  const { kernelHeight, strideHeight, paddingHeight } = window;
  const { kernelWidth, strideWidth, paddingWidth } = window;
  return [
    windowCount(H, kernelHeight, strideHeight, paddingHeight),
    windowCount(W, kernelWidth, strideWidth, paddingWidth),
  ];
}

/**
 * The shape (B, OH, OW, C) of the result of pooling images x.
 *
 * @throws ShapeError when x is not a batch of images, or the window is larger than the padded image
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

/** @throws ShapeError for extents that are not integers, or padding of more than half the window */
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
};

/** Largest number of windows that cover one pixel. */
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
  /** All pairs are [height, width]. */
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

/** Adjacent windows of 2 × 2, and overlapping windows that reach into the padding. */
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
