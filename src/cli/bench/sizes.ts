/** `handgrad bench --sizes`, for each subject. */

import { CONV2D_SHAPES, type ConvolutionShape, convolution } from '../../bench/conv2d.js';
import { CROSSOVER_SIZES } from '../../bench/crossover.js';
import { MATMUL_SHAPES, type MatmulShape } from '../../bench/matmul.js';
import { type BatchShape, SOFTMAX_SHAPES } from '../../bench/softmax-cross-entropy.js';
import { ShapeError } from '../../errors.js';
import { UsageError } from '../failure.js';
import { list, positiveInteger } from '../options.js';

export const SIZES_HELP = `
Sizes:
  matmul                 M×K×N                                       64x784x30,…
  softmax-cross-entropy  batch×classes                               64x10,…
  conv2d                 batch×height×width×inputs×outputs×kernel    32x13x13x32x64x3,…
  crossover              n, of products n×n×n                        32,64,…

conv2d times the forward pass and the gradients of input and weight. It skips the gradient of an
input with one channel, because training does not need it. Its GFLOP/s do not count multiply-adds
on padding. Only a part of a large result is compared with the reference.`;

type Sizes = readonly number[][] | undefined;

/** `64x784x30,512x512x512` → [[64, 784, 30], [512, 512, 512]]. */
export const readSizes = list((text) => text.split(/[x×]/).map(positiveInteger));

export function matmulShapes(
  sizes: Sizes,
  transposes: readonly MatmulShape['transpose'][],
): readonly MatmulShape[] {
  if (!sizes) return MATMUL_SHAPES;
  const products = sizesOfLength(sizes, 3, 'matmul', '64x784x30');
  return products.flatMap(([m, k, n]) => transposes.map((transpose) => ({ m, k, n, transpose })));
}

export function batchShapes(sizes: Sizes): readonly BatchShape[] {
  if (!sizes) return SOFTMAX_SHAPES;
  const batches = sizesOfLength(sizes, 2, 'softmax-cross-entropy', '64x10');
  return batches.map(([batch, classes]) => ({ batch, classes }));
}

/** @throws UsageError if a kernel does not fit into its image */
export function convolutionShapes(
  sizes: Sizes,
  stride: number,
  padding: number,
): readonly ConvolutionShape[] {
  if (!sizes) return CONV2D_SHAPES;
  const convolutions = sizesOfLength(sizes, 6, 'conv2d', '32x13x13x32x64x3');
  try {
    return convolutions.map(([batch, height, width, inputs, outputs, kernel]) =>
      convolution([batch, height, width, inputs, outputs, kernel], stride, padding),
    );
  } catch (error) {
    throw error instanceof ShapeError ? new UsageError(`bench ${error.message}`) : error;
  }
}

export function crossoverSizes(sizes: Sizes): readonly number[] {
  if (!sizes) return CROSSOVER_SIZES;
  return sizesOfLength(sizes, 1, 'crossover', '32').map(([n]) => n);
}

/** @throws UsageError if a size has the wrong number of extents for the subject */
function sizesOfLength(
  sizes: readonly number[][],
  length: number,
  subject: string,
  example: string,
): readonly number[][] {
  const wrong = sizes.find((size) => size.length !== length);
  if (!wrong) return sizes;
  throw new UsageError(
    `bench ${subject}: expected sizes such as ${example}, got ${wrong.join('x')}; name the subject they are for`,
  );
}
