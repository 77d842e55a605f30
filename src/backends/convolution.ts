/** Convolution and its gradients, as the numerical core has them. Derivation: src/ops/conv2d.ts. */

import { convolutionOf, type WindowOptions } from '../layers/convolution.js';
import type { Pixels } from '../layers/pixels.js';
import { type Conv2dAttributes, conv2dShape } from '../ops/conv2d.js';
import type { Shape, Values } from '../tensor.js';
import type { EagerOps } from './eager.js';
import { expectSizes, operand } from './operands.js';

/** Sizes of a convolution: B, H, W, C, OC, KH and KW of the formulas. */
export interface Conv2dSizes extends WindowOptions {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Taps of a window. */
  readonly kernel: Pixels;
}

type Numbers = ArrayLike<number>;

/** How errors write the lengths of the tensors. */
const FORMS = {
  x: 'batch·height·width·inputs',
  W: 'kernelHeight·kernelWidth·inputs/groups·outputs',
  y: 'batch·outHeight·outWidth·outputs',
} as const;

export async function conv2d(
  eager: EagerOps,
  x: Numbers,
  W: Numbers,
  b: Numbers | undefined,
  sizes: Conv2dSizes,
): Promise<Values> {
  const { attributes, ...shapes } = shapesOf('conv2d', sizes);
  const operands = {
    x: operand('conv2d', 'x', x, shapes.x, FORMS.x),
    W: operand('conv2d', 'W', W, shapes.W, FORMS.W),
    ...(b && { b: operand('conv2d', 'b', b, [sizes.outputs], 'outputs') }),
  };
  const op = b ? 'conv2dBiasForward' : 'conv2dForward';
  return (await eager.run(op, operands, { y: shapes.y }, attributes)).y;
}

export async function conv2dBackwardInput(
  eager: EagerOps,
  dy: Numbers,
  W: Numbers,
  sizes: Conv2dSizes,
): Promise<Values> {
  const op = 'conv2dBackwardInput';
  const { attributes, ...shapes } = shapesOf(op, sizes);
  const operands = {
    dy: operand(op, 'dy', dy, shapes.y, FORMS.y),
    W: operand(op, 'W', W, shapes.W, FORMS.W),
  };
  return (await eager.run(op, operands, { dx: shapes.x }, attributes)).dx;
}

export async function conv2dBackwardWeight(
  eager: EagerOps,
  x: Numbers,
  dy: Numbers,
  sizes: Conv2dSizes,
): Promise<Values> {
  const op = 'conv2dBackwardWeight';
  const { attributes, ...shapes } = shapesOf(op, sizes);
  const operands = {
    x: operand(op, 'x', x, shapes.x, FORMS.x),
    dy: operand(op, 'dy', dy, shapes.y, FORMS.y),
  };
  return (await eager.run(op, operands, { dW: shapes.W }, attributes)).dW;
}

export async function conv2dBackwardBias(
  eager: EagerOps,
  dy: Numbers,
  sizes: Conv2dSizes,
): Promise<Values> {
  const op = 'conv2dBackwardBias';
  const operands = { dy: operand(op, 'dy', dy, shapesOf(op, sizes).y, FORMS.y) };
  return (await eager.run(op, operands, { db: [sizes.outputs] })).db;
}

/**
 * Shapes of the tensors, and what kernels are told beside them.
 *
 * @throws ShapeError for sizes that no convolution has
 */
function shapesOf(
  operation: string,
  sizes: Conv2dSizes,
): { x: Shape; W: Shape; y: Shape; attributes: Conv2dAttributes } {
  const { batch, height, width, inputs, outputs, kernel } = sizes;
  expectSizes(operation, { batch, height, width });
  const { weight: W, attributes } = convolutionOf(operation, inputs, outputs, kernel, sizes);
  const x = [batch, height, width, inputs];
  return { x, W, y: conv2dShape(x, W, attributes), attributes };
}
