/**
 * The two layouts of images in memory.
 *
 *   images (B, H, W, C)      channels last: the channels of a pixel lie side by side, as the kernels
 *                            of this library read them
 *   rows (B, C·H·W)          channels first: channel by channel and, within each, row by row, as
 *                            PyTorch and datasets store images
 *
 * With P = H·W pixels, counted q = h·W + w, each image is a matrix (P, C) in one layout and its
 * transpose (C, P) in the other:
 *
 *   channelsFirst   y[n, c·P + q] = x[n, q, c]      x images, y rows
 *   channelsLast    y[n, q, c] = x[n, c·P + q]      x rows, y images
 *
 * Flattening images with channelsFirst gives a linear layer behind it its weights in PyTorch's order.
 *
 * Backward. Each element of y is one element of x, so each gradient goes back to where its element
 * came from. The gradient of either op is the other one:
 *
 *   y = channelsFirst(x):   dx[n, q, c] = dy[n, c·P + q]      dx = channelsLast(dy)
 *   y = channelsLast(x):    dx[n, c·P + q] = dy[n, q, c]      dx = channelsFirst(dy)
 *
 * Kernels: assembly/image-layout.ts, shaders/image-layout.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, type Numbers } from './define-op.js';
import { expectImages } from './shape-checks.js';

type LayoutSizes = Numbers<'B' | 'P' | 'C'>;

export function channelsFirst(y: Values, x: Values, { B, P, C }: LayoutSizes): void {
  for (let n = 0; n < B; n++) {
    for (let q = 0; q < P; q++) {
      for (let c = 0; c < C; c++) y[(n * C + c) * P + q] = x[(n * P + q) * C + c];
    }
  }
}

export function channelsLast(y: Values, x: Values, { B, P, C }: LayoutSizes): void {
  for (let n = 0; n < B; n++) {
    for (let q = 0; q < P; q++) {
      for (let c = 0; c < C; c++) y[(n * P + q) * C + c] = x[(n * C + c) * P + q];
    }
  }
}

export const imageLayoutOps = {
  channelsFirst: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['B', 'P', 'C'],
    formula: 'y[n, c·P + q] = x[n, q, c]',
    shapes({ x }) {
      expectImages('channelsFirst', 'x', x);
      const [B, H, W, C] = x;
      return { outputs: { y: [B, C * H * W] }, sizes: { B, P: H * W, C } };
    },
    terms: () => 1,
    reference: ({ y, x }, sizes) => channelsFirst(y, x, sizes),
  }),

  channelsLast: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    // A row does not say how wide its image is.
    like: ['y'],
    sizes: ['B', 'P', 'C'],
    formula: 'y[n, q, c] = x[n, c·P + q]',
    shapes({ x, y }) {
      expectImages('channelsLast', 'y', y);
      const [B, H, W, C] = y;
      if (x.length !== 2 || x[0] !== B || x[1] !== C * H * W) {
        throw new ShapeError(
          `channelsLast: expected x of shape (${B}, ${C * H * W}) for images ${formatShape(y)}, got ${formatShape(x)}`,
        );
      }
      return { outputs: { y }, sizes: { B, P: H * W, C } };
    },
    terms: () => 1,
    reference: ({ y, x }, sizes) => channelsLast(y, x, sizes),
  }),
};

export const imageLayoutCases: OpCases<keyof typeof imageLayoutOps> = {
  name: 'image-layout',
  magnitudes: {
    channelsFirst: relative,
    channelsLast: relative,
  },
  draw(random) {
    const [B, H, W, C] = drawExtents(random, 4);
    const shapes = [
      [B, H, W, C],
      [B, H, W, 1],
      [B, 1, 1, C],
    ];
    return {
      gradients: shapes.flatMap((images) => [
        channelsFirstCase(random, images),
        channelsLastCase(random, images),
      ]),
    };
  },
};

/** @param images (B, H, W, C) */
export function channelsFirstCase(
  random: RandomStream,
  images: Shape,
): GradientDeclaration<keyof typeof imageLayoutOps> {
  return {
    title: `channelsFirst ${formatShape(images)}`,
    inputs: { x: reals(random, images) },
    forward: [{ op: 'channelsFirst' }],
    backward: [{ op: 'channelsLast', tensors: { x: 'dy', y: 'dx' }, like: { y: 'x' } }],
  };
}

/** @param images (B, H, W, C) */
export function channelsLastCase(
  random: RandomStream,
  images: Shape,
): GradientDeclaration<keyof typeof imageLayoutOps> {
  const [B, H, W, C] = images;
  return {
    title: `channelsLast ${formatShape(images)}`,
    inputs: { x: reals(random, [B, C * H * W]) },
    constants: { images: reals(random, images) },
    forward: [{ op: 'channelsLast', like: { y: 'images' } }],
    backward: [{ op: 'channelsFirst', tensors: { x: 'dy', y: 'dx' } }],
  };
}
