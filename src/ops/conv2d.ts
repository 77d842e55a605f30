/**
 * Two-dimensional convolution. As in other deep-learning libraries it is strictly a
 * cross-correlation: the kernel is not flipped.
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, OC)    W, dW (KH, KW, C/G, OC)    b, db (OC)
 *   B, H, W, C            examples, and height, width and channels of x
 *   OH, OW, OC            height, width and channels of y
 *   KH, KW                height and width of the kernel; a pair (kh, kw) is a tap
 *   SH, SW                strides: how far the window moves from one output pixel to the next
 *   PH, PW                paddings: rows and columns of zeros on each side of the image
 *   DH, DW                dilations: distance between neighbouring taps in the image
 *   G                     groups of channels
 *
 * With indices, W is the weight; elsewhere it is the width.
 *
 * Output pixel (oh, ow) reads pixel (h, w) of x through tap (kh, kw):
 *
 *   h = SH oh − PH + DH kh    w = SW ow − PW + DW kw
 *
 * x is zero outside the image. Output channel oc reads only the C/G input channels of its own
 * group. The first of them is c₀ = ⌊oc / (OC/G)⌋ C/G, which is 0 when there is one group. With h, w
 * and c₀ as above and c from 0 to C/G − 1,
 *
 *   y[n, oh, ow, oc] = b[oc] + Σ x[n, h, w, c₀ + c] W[kh, kw, c, oc]    over kh, kw, c
 *
 *   OH = ⌊(H + 2 PH − DH (KH − 1) − 1) / SH⌋ + 1
 *   OW = ⌊(W + 2 PW − DW (KW − 1) − 1) / SW⌋ + 1
 *
 * Backward. W[kh, kw, c, oc] contributes once to every output pixel, and b[oc] too, so their
 * gradients are sums over the output pixels:
 *
 *   dW[kh, kw, c, oc] = Σ dy[n, oh, ow, oc] ∂y[n, oh, ow, oc]/∂W[kh, kw, c, oc]
 *                     = Σ x[n, h, w, c₀ + c] dy[n, oh, ow, oc]    over n, oh, ow
 *   db[oc]            = Σ dy[n, oh, ow, oc]                       over n, oh, ow
 *
 * x[n, h, w, c₀ + c] contributes to the output pixels whose windows cover (h, w). Solving the
 * equations above for them, tap (kh, kw) leads from (h, w) to
 *
 *   oh = (h + PH − DH kh) / SH    ow = (w + PW − DW kw) / SW
 *
 * and contributes only if both are integers, 0 ≤ oh < OH and 0 ≤ ow < OW. So
 *
 *   dx[n, h, w, c₀ + c] = Σ dy[n, oh, ow, oc] ∂y[n, oh, ow, oc]/∂x[n, h, w, c₀ + c]
 *                       = Σ dy[n, oh, ow, oc] W[kh, kw, c, oc]    over kh, kw, oc
 *
 * with oc over the output channels of the group. This is a transposed convolution. For strides of 1
 * it is an ordinary one: substitute KH − 1 − kh for kh, and KW − 1 − kw for kw, to get
 *
 *   oh = h − (DH (KH − 1) − PH) + DH kh
 *
 * which is a convolution of dy with padding DH (KH − 1) − PH and the same dilation; its kernel is W
 * flipped in both directions, with its two channel axes exchanged.
 *
 * As a GEMM (matrix product; see matmul.ts). Number the output pixels r = (n, oh, ow) and the taps
 * and channels q = (kh, kw, c). The im2col matrix X (B OH OW, KH KW C/G) holds the window of output
 * pixel r in row r: X[r, q] = x[n, h, w, c₀ + c], or zero outside the image. With y, dy and W seen
 * as matrices,
 *
 *   y = X·W + b    dW = Xᵀ·dy    dX = dy·Wᵀ    dx = col2im(dX)
 *
 * which are the formulas of a linear layer. col2im adds each element of dX to the element of x that
 * X copied it from. With G > 1 there is one GEMM for each group, on the channels of that group.
 *
 * At strides of 1, X is about KH KW times as large as x. It is never materialised. The kernels are
 * implicit GEMMs: they compute the address in x of each X[r, q] when they load it.
 *
 * dx is an implicit GEMM as well, which needs no col2im and writes each element once. Number the
 * pixels of dx r = (n, h, w) and the taps and output channels q = (kh, kw, oc). Let Y[r, q] be
 * dy[n, oh, ow, oc] for the (oh, ow) to which the tap leads from (h, w), or zero if there is none,
 * and let Wᵗ[q, c] = W[kh, kw, c, oc]. Then the sum for dx above is
 *
 *   dx = Y·Wᵗ
 *
 * Saved for backward: x. PyTorch stores the weight as (OC, C/G, KH, KW) and images as (B, C, H, W);
 * reading and writing weights transposes them. Here channels come last, so that the channels of a
 * pixel, which is what the innermost loops walk, are contiguous in memory.
 *
 * Source: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016; for im2col,
 * Chellapilla, Puri, Simard, "High performance convolutional neural networks for document
 * processing", 2006; for implicit GEMM, Chetlur et al., "cuDNN: efficient primitives for deep
 * learning", 2014.
 *
 * Kernels: assembly/conv2d.ts (forward, dx), assembly/conv2d-weight.ts (dW, db), with the tiles of
 * assembly/gathered-tile.ts; shaders/conv2d.wgsl, with those of shaders/gemm.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Values } from '../tensor.js';
import { absolute, type GradientDeclaration, type OpCases, reals } from './cases.js';
import {
  CONV2D_ATTRIBUTES,
  CONV2D_SIZES,
  type Conv2dAttributes,
  type Conv2dSizes,
  conv2dShape,
  conv2dSizes,
} from './conv2d-shape.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { linearBackwardBias } from './linear.js';
import { expectRank, expectShape } from './shape-checks.js';
import { sumInto } from './sum-into.js';

/** y (B, OH, OW, OC) of x (B, H, W, C), W (KH, KW, C/G, OC) and, if there is one, b (OC). */
export function conv2dForward(
  y: Values,
  x: Values,
  W: Values,
  b: Values | undefined,
  sizes: Conv2dSizes,
): void {
  const { OC } = sizes;
  sumInto(y, (sums) => {
    if (b) for (let i = 0; i < y.length; i++) sums[i] = b[i % OC];
    forEachTerm(sizes, (yIndex, xIndex, wIndex) => {
      sums[yIndex] += x[xIndex] * W[wIndex];
    });
  });
}

/** dx (B, H, W, C) of dy (B, OH, OW, OC) and W (KH, KW, C/G, OC). */
export function conv2dBackwardInput(dx: Values, dy: Values, W: Values, sizes: Conv2dSizes): void {
  sumInto(dx, (sums) =>
    forEachTerm(sizes, (yIndex, xIndex, wIndex) => {
      sums[xIndex] += dy[yIndex] * W[wIndex];
    }),
  );
}

/** dW (KH, KW, C/G, OC) of x (B, H, W, C) and dy (B, OH, OW, OC). */
export function conv2dBackwardWeight(dW: Values, x: Values, dy: Values, sizes: Conv2dSizes): void {
  sumInto(dW, (sums) =>
    forEachTerm(sizes, (yIndex, xIndex, wIndex) => {
      sums[wIndex] += x[xIndex] * dy[yIndex];
    }),
  );
}

/** Visits every term x[xIndex] W[wIndex] of every sum y[yIndex] of the forward pass. */
function forEachTerm(
  { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, PH, PW, DH, DW, G }: Conv2dSizes,
  visit: (yIndex: number, xIndex: number, wIndex: number) => void,
): void {
  const groupInputs = C / G;
  const groupOutputs = OC / G;
  for (let pixel = 0; pixel < B * OH * OW; pixel++) {
    const n = Math.floor(pixel / (OH * OW));
    const oh = Math.floor(pixel / OW) % OH;
    const ow = pixel % OW;
    for (let tap = 0; tap < KH * KW; tap++) {
      const h = SH * oh - PH + DH * Math.floor(tap / KW);
      const w = SW * ow - PW + DW * (tap % KW);
      if (h < 0 || h >= H || w < 0 || w >= W) continue;
      for (let oc = 0; oc < OC; oc++) {
        const xStart = ((n * H + h) * W + w) * C + Math.floor(oc / groupOutputs) * groupInputs;
        const wStart = tap * groupInputs * OC + oc;
        for (let c = 0; c < groupInputs; c++) visit(pixel * OC + oc, xStart + c, wStart + c * OC);
      }
    }
  }
}

export const conv2dOps = defineOps({
  conv2dForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'W'],
    attributes: CONV2D_ATTRIBUTES,
    sizes: CONV2D_SIZES,
    formula: 'y = X·W, X = im2col(x)',
    shapes({ x, W }, attributes) {
      const y = conv2dShape(x, W, attributes);
      return { outputs: { y }, sizes: conv2dSizes(x, W, y, attributes) };
    },
    terms: ({ KH, KW, C, G }) => (KH * KW * C) / G,
    reference: ({ y, x, W }, sizes) => conv2dForward(y, x, W, undefined, sizes),
  }),

  conv2dBiasForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'W', 'b'],
    attributes: CONV2D_ATTRIBUTES,
    sizes: CONV2D_SIZES,
    formula: 'y = X·W + b, X = im2col(x)',
    shapes({ x, W, b }, attributes) {
      const y = conv2dShape(x, W, attributes);
      expectShape('conv2d', 'b', b, [W[3]]);
      return { outputs: { y }, sizes: conv2dSizes(x, W, y, attributes) };
    },
    terms: ({ KH, KW, C, G }) => (KH * KW * C) / G + 1,
    reference: ({ y, x, W, b }, sizes) => conv2dForward(y, x, W, b, sizes),
  }),

  conv2dBackwardWeight: defineOp({
    outputs: ['dW'],
    inputs: ['x', 'dy'],
    like: ['dW'],
    attributes: CONV2D_ATTRIBUTES,
    sizes: CONV2D_SIZES,
    formula: 'dW = Xᵀ·dy, X = im2col(x)',
    shapes({ x, dy, dW }, attributes) {
      expectShape('conv2d', 'dy', dy, conv2dShape(x, dW, attributes));
      return { outputs: { dW }, sizes: conv2dSizes(x, dW, dy, attributes) };
    },
    terms: ({ B, OH, OW }) => B * OH * OW,
    reference: ({ dW, x, dy }, sizes) => conv2dBackwardWeight(dW, x, dy, sizes),
  }),

  conv2dBackwardBias: defineOp({
    outputs: ['db'],
    inputs: ['dy'],
    sizes: ['N', 'OC'],
    formula: 'db[oc] = Σ dy[n, oh, ow, oc] over n, oh, ow',
    shapes({ dy }) {
      expectRank('conv2d', 'dy', dy, '(B, OH, OW, OC)');
      const [B, OH, OW, OC] = dy;
      return { outputs: { db: [OC] }, sizes: { N: B * OH * OW, OC } };
    },
    terms: ({ N }) => N,
    reference: ({ db, dy }, { N, OC }) => linearBackwardBias(db, dy, { B: N, O: OC }),
  }),

  conv2dBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'W'],
    // Different H and W can give the same OH and OW.
    like: ['dx'],
    attributes: CONV2D_ATTRIBUTES,
    sizes: CONV2D_SIZES,
    formula: 'dx = col2im(dy·Wᵀ)',
    shapes({ dy, W, dx }, attributes) {
      expectShape('conv2d', 'dy', dy, conv2dShape(dx, W, attributes));
      return { outputs: { dx }, sizes: conv2dSizes(dx, W, dy, attributes) };
    },
    // The mean over all pixels: with strides, and at the edges, a pixel has fewer taps.
    terms: ({ KH, KW, OC, G, OH, OW, H, W }) => (KH * KW * OC * OH * OW) / (G * H * W),
    reference: ({ dx, dy, W }, sizes) => conv2dBackwardInput(dx, dy, W, sizes),
  }),
});

export const conv2dCases: OpCases<keyof typeof conv2dOps> = {
  name: 'conv2d',
  magnitudes: {
    conv2dForward: absolute,
    conv2dBiasForward: absolute,
    conv2dBackwardWeight: absolute,
    conv2dBackwardBias: absolute,
    conv2dBackwardInput: absolute,
  },
  draw: (random) => ({
    gradients: [1, 2].map((groups) => conv2dCase(random, drawSizes(random, groups))),
  }),
};

export type ConvolutionSizes = Conv2dAttributes &
  Numbers<'B' | 'H' | 'W' | 'C' | 'OC' | 'KH' | 'KW'>;

export function conv2dCase(
  random: RandomStream,
  { B, H, W: columns, C, OC, KH, KW, ...attributes }: ConvolutionSizes,
): GradientDeclaration<keyof typeof conv2dOps> {
  const x = reals(random, [B, H, columns, C]);
  const W = reals(random, [KH, KW, C / attributes.groups, OC]);
  return {
    title: `conv2d ${formatShape(x.shape)}·${formatShape(W.shape)} ${JSON.stringify(attributes)}`,
    inputs: { x, W, b: reals(random, [OC]) },
    forward: [
      { op: 'conv2dForward', attributes, tensors: { y: 'withoutBias' } },
      { op: 'conv2dBiasForward', attributes },
    ],
    backward: [
      { op: 'conv2dBackwardWeight', attributes, like: { dW: 'W' } },
      { op: 'conv2dBackwardBias' },
      { op: 'conv2dBackwardInput', attributes, like: { dx: 'x' } },
    ],
  };
}

/** Random sizes for which at least one window fits into the image. */
function drawSizes(random: RandomStream, groups: number): ConvolutionSizes {
  const upTo = (largest: number) => 1 + random.nextBelow(largest);
  const [KH, KW, dilationHeight, dilationWidth] = [upTo(3), upTo(3), upTo(2), upTo(2)];
  return {
    B: upTo(3),
    H: dilationHeight * (KH - 1) + upTo(4),
    W: dilationWidth * (KW - 1) + upTo(4),
    C: groups * upTo(3),
    OC: groups * upTo(5),
    KH,
    KW,
    strideHeight: upTo(3),
    strideWidth: upTo(3),
    paddingHeight: random.nextBelow(3),
    paddingWidth: random.nextBelow(3),
    dilationHeight,
    dilationWidth,
    groups,
  };
}
