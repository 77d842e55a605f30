import { expectInteger } from '../checks.js';
import { ShapeError, shown } from '../errors.js';
import type { Conv2dAttributes } from '../ops/conv2d-shape.js';
import type { Kinds } from '../options.js';
import type { Shape } from '../tensor.js';

/** A number of pixels for both height and width, or one for each. */
export type Pixels = number | readonly [height: number, width: number];

/**
 * Height and width of an option.
 *
 * @param operation the name that errors begin with
 * @param what the name of the option, for errors
 * @throws ShapeError for a list that is not a pair
 */
export function pairOf(
  operation: string,
  what: string,
  pixels: Pixels,
): readonly [height: number, width: number] {
  if (Array.isArray(pixels) && pixels.length === 2) return [pixels[0], pixels[1]];
  if (typeof pixels === 'number') return [pixels, pixels];
  throw new ShapeError(
    `${operation}: expected ${what} to be one number or [height, width], got ${shown(pixels)}`,
  );
}

/** Positions of the windows of a convolution, and the channels that they read. */
export interface WindowOptions {
  /** Pixels from one window to the next; 1 by default. */
  readonly stride?: Pixels | undefined;
  /** Rows or columns of zeros on each side of the image; 0 by default. */
  readonly padding?: Pixels | undefined;
  /** Pixels from one tap to the next; 1 by default. */
  readonly dilation?: Pixels | undefined;
  /** Number of groups that channels are split into; outputs read only their group. 1 by default. */
  readonly groups?: number | undefined;
}

/** The kinds of the options, for `expectOptions`. */
export const WINDOW_OPTIONS: Kinds<WindowOptions> = {
  stride: 'any',
  padding: 'any',
  dilation: 'any',
  groups: 'any',
};

/** Weight shape and kernel attributes of a convolution. */
export interface Convolution {
  /** (KH, KW, C/G, OC) */
  readonly weight: Shape;
  readonly attributes: Conv2dAttributes;
}

/**
 * Checks options, and fills in defaults.
 *
 * @param operation the name that errors begin with
 * @throws ShapeError for numbers that are not positive integers (padding: non-negative), lists that
 *   are not pairs, or groups that do not divide the channels
 */
export function resolveConvolution(
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

/** Height and width of an option, both checked. */
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
