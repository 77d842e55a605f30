/**
 * A job: a workload's sizes, and the folder with its numbers. The candidate writes the file `result`.
 *
 *   matmul   a (M, K) and b (K, N), or transposed; `result` is the product, (M, N)
 *   conv2d   x (B, H, W, C), W (KH, KW, C, OC) and dy (B, OH, OW, OC); `result` is y, dx or dW in the
 *            same layout; engines with another layout permute it
 *   train    `inputs` (S·B, I), `bytes` (the same before normalisation), `labels` (S·B), and the
 *            initial parameters under PyTorch's names and in its layouts; `result` has the losses of
 *            the first steps
 *   epoch    `bytes` and `labels` of MNIST, `test-bytes` and `test-labels`, and the initial
 *            parameters; `result` as for train
 *
 * A training job is a round of S steps on S batches, in order.
 *
 * @typedef {import('../suites/cpu/workloads.mjs').Workload & { folder: string, result: string,
 *   normalization: { mean: number, std: number } }} Job
 */

import { windowCount } from '../../dist/bench/library.mjs';
import { readFloats, readIntegers } from './files.mjs';

/** @param {Job} job */
export async function readOperands({ folder }) {
  return { a: await readFloats(folder, 'a'), b: await readFloats(folder, 'b') };
}

/** Shapes of the stored operands. */
export function operandShapes({ m, k, n, transpose }) {
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  return {
    transposeA,
    transposeB,
    shapeA: transposeA ? [k, m] : [m, k],
    shapeB: transposeB ? [n, k] : [k, n],
  };
}

/** Shapes of a convolution's tensors, channels last. A gradient has the shape of its tensor. */
export function convolutionShapes({ batch, extent, channels, outputs, kernel }) {
  const outputExtent = windowCount(extent, kernel, 1, 0);
  return {
    x: [batch, extent, extent, channels],
    y: [batch, outputExtent, outputExtent, outputs],
    W: [kernel, kernel, channels, outputs],
  };
}

/** @param {Job} job */
export async function readConvolution({ folder }) {
  return {
    x: await readFloats(folder, 'x'),
    W: await readFloats(folder, 'W'),
    dy: await readFloats(folder, 'dy'),
  };
}

/** Permutations of axes, from channels last to channels first and back. */
const CHANNELS_FIRST = { x: [0, 3, 1, 2], y: [0, 3, 1, 2], W: [3, 2, 0, 1] };
const CHANNELS_LAST = { x: [0, 2, 3, 1], y: [0, 2, 3, 1], W: [2, 3, 1, 0] };

/** The same, channels first, as in PyTorch: images (B, C, H, W), weights (OC, C, KH, KW). */
export async function readConvolutionChannelsFirst(job) {
  const shapes = convolutionShapes(job);
  const { x, W, dy } = await readConvolution(job);
  const toFirst = (kind, values) => permute(values, shapes[kind], CHANNELS_FIRST[kind]);
  const shapeOf = (kind) => CHANNELS_FIRST[kind].map((axis) => shapes[kind][axis]);
  return {
    x: toFirst('x', x),
    W: toFirst('W', W),
    dy: toFirst('y', dy),
    shapes: { x: shapeOf('x'), y: shapeOf('y'), W: shapeOf('W') },
  };
}

/** Permutes y, dx or dW from channels first to the layout of `result`. */
export function withChannelsLast(job, values) {
  const kind = { y: 'y', dx: 'x', dW: 'W' }[job.wanted];
  const shape = CHANNELS_FIRST[kind].map((axis) => convolutionShapes(job)[kind][axis]);
  return permute(values, shape, CHANNELS_LAST[kind]);
}

/** Inputs (B, I) and labels (B) of every timed or checked step. */
export async function readBatches({ folder, steps, checkedSteps, batch, features }) {
  const inputs = await readFloats(folder, 'inputs');
  const labels = await readIntegers(folder, 'labels');
  return Array.from({ length: Math.max(steps, checkedSteps) }, (_, s) => ({
    inputs: inputs.slice(s * batch * features, (s + 1) * batch * features),
    labels: labels.slice(s * batch, (s + 1) * batch),
  }));
}

/**
 * The layers of a model without branches, with initial weight and bias if they have them. Weights
 * have PyTorch's layouts: linear (O, I), convolution (OC, C, KH, KW).
 */
export async function readLayers({ folder, layers }) {
  const result = [];
  for (const [i, { name, options }] of layers.entries()) {
    const weightShape = weightShapeOf(name, options);
    const parameters = weightShape && {
      weightShape,
      weight: await readFloats(folder, `${i}.weight`),
      bias: await readFloats(folder, `${i}.bias`),
    };
    result.push({ name, options, ...parameters });
  }
  return result;
}

function weightShapeOf(name, { inputs, outputs, kernel }) {
  if (name === 'linear') return [outputs, inputs];
  if (name === 'conv2d') return [outputs, inputs, kernel, kernel];
  return undefined;
}

/** Rows of zeros with a one at the label, (B, classes). */
export function oneHot(labels, classes) {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => {
    rows[n * classes + label] = 1;
  });
  return rows;
}

/**
 * Permutes the axes of an array.
 *
 * @param {readonly number[]} axes for each axis of the result, its index in `shape`
 */
export function permute(values, shape, axes) {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  let offsets = [0];
  for (const axis of axes) {
    const steps = Array.from({ length: shape[axis] }, (_, i) => i * strides[axis]);
    offsets = offsets.flatMap((offset) => steps.map((step) => offset + step));
  }
  return Float32Array.from(offsets, (offset) => values[offset]);
}
