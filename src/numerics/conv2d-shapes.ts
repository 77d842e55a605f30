import {
  type Pixels,
  resolveConvolution,
  WINDOW_OPTIONS,
  type WindowOptions,
} from '../layers/window-options.js';
import { type Conv2dAttributes, conv2dShape } from '../ops/conv2d-shape.js';
import { expectOptions, type Kinds } from '../options.js';
import type { Shape } from '../tensor.js';
import { expectSizes, type Operand, operand } from './operands.js';

/** Sizes of a convolution. */
export interface Conv2dSizes extends WindowOptions {
  /** Number of images, B. */
  readonly batch: number;
  /** Height of an image in pixels, H. */
  readonly height: number;
  /** Width of an image in pixels, W. */
  readonly width: number;
  /** Incoming channels, C. */
  readonly inputs: number;
  /** Outgoing channels, OC. */
  readonly outputs: number;
  /** Height and width of a window in pixels, KH and KW. */
  readonly kernel: Pixels;
}

const KINDS: Kinds<Conv2dSizes> = {
  ...WINDOW_OPTIONS,
  batch: 'any',
  height: 'any',
  width: 'any',
  inputs: 'any',
  outputs: 'any',
  kernel: 'any',
};

/** Lengths of the operands, for errors. */
const FORMS = {
  x: 'batch·height·width·inputs',
  W: 'kernelHeight·kernelWidth·inputs/groups·outputs',
  b: 'outputs',
  dy: 'batch·outHeight·outWidth·outputs',
} as const;

type Role = keyof typeof FORMS;

/** Shapes and attributes of a convolution, and a function that checks operands. */
export interface Convolution {
  readonly shapes: Readonly<Record<Role, Shape>>;
  readonly attributes: Conv2dAttributes;
  /**
   * Checks an array and gives it its shape.
   *
   * @throws ShapeError for a wrong length, DataError for a number that is not finite
   */
  operand(role: Role, data: ArrayLike<number>): Operand;
}

/**
 * Checks the sizes of a convolution, and infers its shapes.
 *
 * @throws ShapeError for sizes that are not positive integers, or a kernel larger than the padded image
 */
export function convolutionOf(operation: string, sizes: Conv2dSizes): Convolution {
  expectOptions(operation, sizes, KINDS, 'the sizes');
  const { batch, height, width, inputs, outputs, kernel } = sizes;
  expectSizes(operation, { batch, height, width });
  const { weight: W, attributes } = resolveConvolution(operation, inputs, outputs, kernel, sizes);
  const x = [batch, height, width, inputs];
  const shapes = { x, W, b: [outputs], dy: conv2dShape(x, W, attributes) };
  return {
    shapes,
    attributes,
    operand: (role, data) => operand(operation, role, data, shapes[role], FORMS[role]),
  };
}
