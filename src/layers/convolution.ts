import { expectInteger } from '../checks.js';
import { ShapeError } from '../errors.js';
import type { Conv2dAttributes } from '../ops/conv2d.js';
import type { Shape } from '../tensor.js';
import { type Pixels, pairOf } from './pixels.js';

/** Where a convolution's windows lie, and which channels they see. */
export interface WindowOptions {
  /** Pixels from one window to the next; 1 by default. */
  readonly stride?: Pixels;
  /** Zeros around the image; 0 by default. */
  readonly padding?: Pixels;
  /** Pixels from one tap to the next; 1 by default. */
  readonly dilation?: Pixels;
  /** Into how many groups the channels are cut, which do not meet; 1 by default. */
  readonly groups?: number;
}

/** A convolution as kernels are told of it. */
export interface Convolution {
  /** (KH, KW, C/G, OC) */
  readonly weight: Shape;
  readonly attributes: Conv2dAttributes;
}

/**
 * Checks what a caller asked for, and fills in the defaults.
 *
 * @param operation that errors name
 * @throws ShapeError for numbers that are no positive integers (no negative ones, for padding), lists
 *   that are no pairs, or groups that do not divide the channels
 */
export function convolutionOf(
  operation: string,
  inputs: number,
  outputs: number,
  kernel: Pixels,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: WindowOptions,
): Convolution {
  for (const [what, value] of Object.entries({ inputs, outputs, groups })) {
    expectInteger(operation, what, value);
  }
  if (inputs % groups !== 0 || outputs % groups !== 0) {
    throw new ShapeError(
      `${operation}: expected groups to divide ${inputs} input and ${outputs} output channels, got ${groups}`,
    );
  }
  const [KH, KW] = checkedPair(operation, 'kernel', kernel);
  const [strideHeight, strideWidth] = checkedPair(operation, 'stride', stride);
  const [paddingHeight, paddingWidth] = checkedPair(operation, 'padding', padding, 0);
  const [dilationHeight, dilationWidth] = checkedPair(operation, 'dilation', dilation);
  return {
    weight: [KH, KW, inputs / groups, outputs],
    attributes: {
      strideHeight,
      strideWidth,
      paddingHeight,
      paddingWidth,
      dilationHeight,
      dilationWidth,
      groups,
    },
  };
}

/** Both numbers, checked. */
function checkedPair(
  operation: string,
  what: string,
  pixels: Pixels,
  minimum = 1,
): readonly [height: number, width: number] {
  const pair = pairOf(operation, what, pixels);
  for (const side of [0, 1]) expectInteger(operation, what, pair[side], minimum);
  return pair;
}
