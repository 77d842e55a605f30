import { expectInteger } from '../checks.js';
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape } from '../tensor.js';
import { drawExtents } from './cases.js';
import { windowCount } from './conv2d-shape.js';
import type { Numbers } from './define-op.js';
import { expectImages } from './shape-checks.js';

/** The windows of a pooling, in pixels. */
export type PoolingWindow = Numbers<(typeof WINDOW_ATTRIBUTES)[number]>;

/** B, H, W and C of images. */
export type ImageSizes = Numbers<'B' | 'H' | 'W' | 'C'>;

/** Names of the attributes of pooling ops, in kernel order. */
export const WINDOW_ATTRIBUTES = [
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  'paddingHeight',
  'paddingWidth',
] as const;

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

export function imageSizes([B, H, W, C]: Shape): ImageSizes {
  return { B, H, W, C };
}

/** Largest number of windows that cover one pixel. */
export function windowsPerPixel(window: PoolingWindow): number {
  const { kernelHeight, kernelWidth, strideHeight, strideWidth } = window;
  return Math.ceil(kernelHeight / strideHeight) * Math.ceil(kernelWidth / strideWidth);
}

export interface PoolingSizes {
  /** (B, H, W, C) */
  readonly shape: Shape;
  /** All pairs are [height, width]. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
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

/** A window as the attributes of an op. */
export function windowOf({ kernel, stride, padding }: Omit<PoolingSizes, 'shape'>): PoolingWindow {
  const [kernelHeight, kernelWidth] = kernel;
  const [strideHeight, strideWidth] = stride;
  const [paddingHeight, paddingWidth] = padding;
  return { kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth };
}

export function formatPooling({ shape, kernel, stride, padding }: PoolingSizes): string {
  const pairs = [kernel, stride, padding].map((pair) => pair.join(' × '));
  return `${formatShape(shape)}, window ${pairs[0]}, stride ${pairs[1]}, padding ${pairs[2]}`;
}
