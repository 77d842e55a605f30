import { expectInteger } from '../checks.js';
import { ShapeError } from '../errors.js';
import { formatShape, type Shape } from '../tensor.js';
import type { Numbers } from './define-op.js';
import { expectRank } from './shape-checks.js';

/** Names of the attributes: the numbers of a convolution that no tensor's shape gives. */
export const CONV2D_ATTRIBUTES = [
  'strideHeight',
  'strideWidth',
  'paddingHeight',
  'paddingWidth',
  'dilationHeight',
  'dilationWidth',
  'groups',
] as const;

export type Conv2dAttributes = Readonly<Record<(typeof CONV2D_ATTRIBUTES)[number], number>>;

/**
 * Largest number of taps, and largest stride, padding or dilation. The WASM kernels list taps and
 * pixels in scratch memory of a fixed size.
 */
const LIMIT = 4096;

/** Names of the sizes, in kernel order. The letters are those of conv2d.ts. */
export const CONV2D_SIZES = [
  ...(['B', 'H', 'W', 'C', 'OH', 'OW', 'OC', 'KH', 'KW'] as const),
  ...(['SH', 'SW', 'PH', 'PW', 'DH', 'DW', 'G'] as const),
] as const;

export type Conv2dSizes = Numbers<(typeof CONV2D_SIZES)[number]>;

/** Number of positions of a window of `kernel` taps along one axis; 0 or less if it does not fit. */
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
 * @throws ShapeError when the shapes do not match, or the kernel is larger than the padded image
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
  if (KH * KW > LIMIT) {
    throw new ShapeError(`conv2d: expected at most ${LIMIT} taps, got ${KH}×${KW}`);
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

/** The sizes of a convolution, given the shapes of all three tensors. */
export function conv2dSizes(
  x: Shape,
  weight: Shape,
  y: Shape,
  attributes: Conv2dAttributes,
): Conv2dSizes {
  const [B, H, W, C] = x;
  const [, OH, OW, OC] = y;
  const [KH, KW] = weight;
  const { strideHeight: SH, strideWidth: SW, paddingHeight: PH, paddingWidth: PW } = attributes;
  const { dilationHeight: DH, dilationWidth: DW, groups: G } = attributes;
  return { B, H, W, C, OH, OW, OC, KH, KW, SH, SW, PH, PW, DH, DW, G };
}

function expectAttributes(attributes: Conv2dAttributes): void {
  for (const name of CONV2D_ATTRIBUTES) {
    const value = attributes[name];
    expectInteger('conv2d', name, value, name.startsWith('padding') ? 0 : 1);
    if (name !== 'groups' && value > LIMIT) {
      throw new ShapeError(`conv2d: expected ${name} of at most ${LIMIT}, got ${value}`);
    }
  }
}
