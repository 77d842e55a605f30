/**
 * Conversion between the two memory layouts of images.
 *
 *   images (B, H, W, C)   channels last: the channels of a pixel are contiguous. The kernels of
 *                         this library read this layout.
 *   rows (B, C·H·W)       channels first: one channel after the other, each row by row. PyTorch and
 *                         most datasets use this layout.
 *
 * With P = H·W pixels, numbered q = h·W + w, each image is a matrix (P, C) in one layout and its
 * transpose (C, P) in the other:
 *
 *   channelsFirst   y[n, c·P + q] = x[n, q, c]      x images, y rows
 *   channelsLast    y[n, q, c] = x[n, c·P + q]      x rows, y images
 *
 * A linear layer that follows channelsFirst has its weights in PyTorch's order.
 *
 * Backward. Each element of y is a copy of one element of x, so each gradient is copied back to
 * where its element came from. The backward of either op is the other op:
 *
 *   y = channelsFirst(x):   dx[n, q, c] = dy[n, c·P + q]      dx = channelsLast(dy)
 *   y = channelsLast(x):    dx[n, c·P + q] = dy[n, q, c]      dx = channelsFirst(dy)
 *
 * Saved for backward: nothing.
 *
 * Kernels: assembly/image-layout.ts, shaders/image-layout.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectImages } from './shape-checks.js';

type LayoutSizes = Numbers<'B' | 'P' | 'C'>;

/** y (B, C·P) of x (B, P, C). */
export function channelsFirst(y: Values, x: Values, { B, P, C }: LayoutSizes): void {
  for (let n = 0; n < B; n++) {
    for (let q = 0; q < P; q++) {
      for (let c = 0; c < C; c++) y[(n * C + c) * P + q] = x[(n * P + q) * C + c];
    }
  }
}

/** y (B, P, C) of x (B, C·P). */
export function channelsLast(y: Values, x: Values, { B, P, C }: LayoutSizes): void {
  for (let n = 0; n < B; n++) {
    for (let q = 0; q < P; q++) {
      for (let c = 0; c < C; c++) y[(n * P + q) * C + c] = x[(n * C + c) * P + q];
    }
  }
}

export const imageLayoutOps = defineOps({
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
    // The length of a row does not determine H, W and C.
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
});

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
