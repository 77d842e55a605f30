/**
 * Convolution in two dimensions (as networks mean it: the kernel is not flipped).
 *
 *   x, dx (B, H, W, C)    y, dy (B, OH, OW, OC)    W, dW (KH, KW, C/G, OC)    b, db (OC)
 *
 * with strides s, paddings p and dilations d, one for rows and one for columns, and channels in G
 * groups that do not meet: output channel o reads the C/G channels of its own group, which begin at
 * g(o) = ⌊o G/OC⌋ C/G. Outside of the image x is zero, and
 *
 *   y[n, i, j, o] = b[o] + Σₖₗc x[n, s i − p + d k, s j − p + d l, g(o) + c] W[k, l, c, o]
 *
 *   OH = ⌊(H + 2p − d (KH − 1) − 1) / s⌋ + 1, and OW likewise
 *
 * Backward. W[k, l, c, o] meets every output pixel once, so its gradient is a sum over all of them:
 *
 *   dW[k, l, c, o] = Σₙᵢⱼ x[n, s i − p + d k, s j − p + d l, g(o) + c] dy[n, i, j, o]
 *   db[o]          = Σₙᵢⱼ dy[n, i, j, o]
 *
 * x[n, h, w, c] reaches the output pixels whose window covers it: those with s i − p + d k = h and
 * s j − p + d l = w for some tap (k, l). Turned round, tap k leads to row i = (h + p − d k) / s, where
 * that is a whole number from 0 to OH − 1, and so
 *
 *   dx[n, h, w, g(o) + c] = Σₖₗₒ dy[n, (h + p − d k) / s, (w + p − d l) / s, o] W[k, l, c, o]
 *
 * summed over the o of that group. For s = 1 this is itself a convolution: k enters with a minus
 * sign, so it is that of dy, padded by d (KH − 1) − p, with the kernel flipped in both directions and
 * its two channel axes exchanged.
 *
 * As matrix products. Number the output pixels r = (n, i, j) and the taps and channels
 * q = (k, l, c), and let X[r, q] be the number that x holds there, or zero outside. Then
 *
 *   y = X·W + b    dW = Xᵀ·dy    dx = the rows of dy·Wᵀ, added up where X took them from
 *
 * which are the formulas of a linear layer. X holds each pixel up to KH KW times and is never
 * written down: kernels find its elements in x as they go. With groups there is a product for each,
 * of its own channels.
 *
 * The last can be gathered instead. Number the pixels of dx r = (n, h, w) and taps with output channels
 * q = (k, l, o), let Y[r, q] be the number of dy that tap (k, l) leads (h, w) back to, or zero where
 * there is none, and Wᵗ[q, c] = W[k, l, c, o]. Then dx = Y·Wᵗ, as the sum for dx above says.
 *
 * Saved for backward: x. PyTorch stores the weight as (OC, C/G, KH, KW) and images as (B, C, H, W);
 * reading and writing weights transposes. Channels come last here so that the channels of a pixel,
 * which all kernels walk, lie side by side.
 *
 * Kernels: assembly/conv2d.ts (forward, dx), conv2d-weight.ts (dW, db), on the tiles of gathered-tile.ts;
 * shaders/conv2d.wgsl, on those of shaders/gemm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import { absolute, type GradientDeclaration, type OpCases, reals } from './cases.js';
import { defineOp, type Numbers } from './define-op.js';
import { linearBackwardBias } from './linear.js';
import { expectRank, expectShape } from './shape-checks.js';

/** Numbers that shape a convolution, beside the tensors' own extents. */
const ATTRIBUTES = [
  'strideHeight',
  'strideWidth',
  'paddingHeight',
  'paddingWidth',
  'dilationHeight',
  'dilationWidth',
  'groups',
] as const;

export type Conv2dAttributes = Readonly<Record<(typeof ATTRIBUTES)[number], number>>;

/**
 * Most taps of a kernel, and the largest stride, padding or dilation: kernels list taps, and pixels by
 * their phase, in scratch memory.
 */
const MOST = 4096;

/** Strides S, paddings P and dilations D, each for rows (H) and columns (W). */
const SIZES = [
  ...(['B', 'H', 'W', 'C', 'OH', 'OW', 'OC', 'KH', 'KW'] as const),
  ...(['SH', 'SW', 'PH', 'PW', 'DH', 'DW', 'G'] as const),
] as const;

export type Conv2dSizes = Numbers<(typeof SIZES)[number]>;

export function conv2dForward(
  y: Values,
  x: Values,
  W: Values,
  b: Values | undefined,
  sizes: Conv2dSizes,
): void {
  const { OC } = sizes;
  for (let i = 0; i < y.length; i++) y[i] = b ? b[i % OC] : 0;
  forEachProduct(sizes, (toY, inX, inW) => {
    y[toY] += x[inX] * W[inW];
  });
}

export function conv2dBackwardInput(dx: Values, dy: Values, W: Values, sizes: Conv2dSizes): void {
  dx.fill(0);
  forEachProduct(sizes, (toY, inX, inW) => {
    dx[inX] += dy[toY] * W[inW];
  });
}

export function conv2dBackwardWeight(dW: Values, x: Values, dy: Values, sizes: Conv2dSizes): void {
  dW.fill(0);
  forEachProduct(sizes, (toY, inX, inW) => {
    dW[inW] += x[inX] * dy[toY];
  });
}

/** Visits every product of the forward sum: where it goes in y, and what of x and W it multiplies. */
function forEachProduct(
  { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, PH, PW, DH, DW, G }: Conv2dSizes,
  visit: (toY: number, inX: number, inW: number) => void,
): void {
  const groupInputs = C / G;
  const groupOutputs = OC / G;
  for (let pixel = 0; pixel < B * OH * OW; pixel++) {
    const n = Math.floor(pixel / (OH * OW));
    const i = Math.floor(pixel / OW) % OH;
    const j = pixel % OW;
    for (let tap = 0; tap < KH * KW; tap++) {
      const h = SH * i - PH + DH * Math.floor(tap / KW);
      const w = SW * j - PW + DW * (tap % KW);
      if (h < 0 || h >= H || w < 0 || w >= W) continue;
      for (let o = 0; o < OC; o++) {
        const inX = ((n * H + h) * W + w) * C + Math.floor(o / groupOutputs) * groupInputs;
        const inW = tap * groupInputs * OC + o;
        for (let c = 0; c < groupInputs; c++) visit(pixel * OC + o, inX + c, inW + c * OC);
      }
    }
  }
}

export const conv2dOps = {
  conv2dForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'W'],
    attributes: ATTRIBUTES,
    sizes: SIZES,
    formula: 'y = X·W, where X has the window of each pixel as a row',
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
    attributes: ATTRIBUTES,
    sizes: SIZES,
    formula: 'y = X·W + b, where X has the window of each pixel as a row',
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
    attributes: ATTRIBUTES,
    sizes: SIZES,
    formula: 'dW = Xᵀ·dy',
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
    formula: 'db[o] = Σₙᵢⱼ dy[n, i, j, o]',
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
    // Several heights and widths can give the same OH and OW.
    like: ['dx'],
    attributes: ATTRIBUTES,
    sizes: SIZES,
    formula: 'dx = dy·Wᵀ, each window added up where it was taken from',
    shapes({ dy, W, dx }, attributes) {
      expectShape('conv2d', 'dy', dy, conv2dShape(dx, W, attributes));
      return { outputs: { dx }, sizes: conv2dSizes(dx, W, dy, attributes) };
    },
    // The mean over the image: with strides, and at its edges, pixels have fewer taps.
    terms: ({ KH, KW, OC, G, OH, OW, H, W }) => (KH * KW * OC * OH * OW) / (G * H * W),
    reference: ({ dx, dy, W }, sizes) => conv2dBackwardInput(dx, dy, W, sizes),
  }),
};

/** Number of places at which a window of `kernel` taps fits into an extent; at most 0 for none. */
export function windowCount(
  extent: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation = 1,
): number {
  return Math.floor((extent + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/**
 * The shape of a convolution's output.
 *
 * @throws ShapeError when the input or the weight does not fit, or nothing would be left
 */
export function conv2dShape(x: Shape, weight: Shape, attributes: Conv2dAttributes): Shape {
  expectRank('conv2d', 'W', weight, '(KH, KW, C/G, OC)');
  expectAttributes(attributes);
  const { groups, strideHeight, strideWidth, paddingHeight, paddingWidth } = attributes;
  const { dilationHeight, dilationWidth } = attributes;
  const [KH, KW, groupInputs, OC] = weight;
  const C = groupInputs * groups;
  if (x.length !== 4 || x[3] !== C) {
    throw new ShapeError(
      `conv2d: expected input of shape (B, H, W, ${C}), got ${formatShape(x)}${x.length === 2 ? '; wrap the model in onImages' : ''}`,
    );
  }
  if (OC % groups !== 0) {
    throw new ShapeError(
      `conv2d: expected groups to divide ${OC} output channels, got ${groups} groups`,
    );
  }
  if (KH * KW > MOST) {
    throw new ShapeError(`conv2d: expected at most ${MOST} taps, got ${KH}×${KW}`);
  }
  const [B, H, W] = x;
  const OH = windowCount(H, KH, strideHeight, paddingHeight, dilationHeight);
  const OW = windowCount(W, KW, strideWidth, paddingWidth, dilationWidth);
  if (OH < 1 || OW < 1) {
    const spanned = [dilationHeight * (KH - 1) + 1, dilationWidth * (KW - 1) + 1];
    throw new ShapeError(
      `conv2d: expected a kernel that fits into the padded image, ${H + 2 * paddingHeight}×${W + 2 * paddingWidth}, got one that spans ${spanned.join('×')}`,
    );
  }
  return [B, OH, OW, OC];
}

function conv2dSizes(x: Shape, weight: Shape, y: Shape, attributes: Conv2dAttributes): Conv2dSizes {
  const [B, H, W, C] = x;
  const [, OH, OW, OC] = y;
  const [KH, KW] = weight;
  const { strideHeight: SH, strideWidth: SW, paddingHeight: PH, paddingWidth: PW } = attributes;
  const { dilationHeight: DH, dilationWidth: DW, groups: G } = attributes;
  return { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, PH, PW, DH, DW, G };
}

function expectAttributes(attributes: Conv2dAttributes): void {
  for (const name of ATTRIBUTES) {
    const least = name.startsWith('padding') ? 0 : 1;
    const value = attributes[name];
    if (!Number.isInteger(value) || value < least) {
      throw new ShapeError(
        `conv2d: expected ${name} to be an integer of at least ${least}, got ${value}`,
      );
    }
    if (name !== 'groups' && value > MOST) {
      throw new ShapeError(`conv2d: expected ${name} of at most ${MOST}, got ${value}`);
    }
  }
}

export const conv2dCases: OpCases<keyof typeof conv2dOps> = {
  name: 'conv2d',
  magnitudes: {
    conv2dForward: absolute(),
    conv2dBiasForward: absolute(),
    conv2dBackwardWeight: absolute(),
    conv2dBackwardBias: absolute(),
    conv2dBackwardInput: absolute(),
  },
  draw: (random) => ({
    gradients: [1, 2].map((groups) => conv2dCase(random, drawSizes(random, groups))),
  }),
};

export interface ConvolutionSizes extends Conv2dAttributes {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly OC: number;
  readonly KH: number;
  readonly KW: number;
}

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

/** A convolution with room for at least one window. */
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
