/**
 * Work as a contestant gets it: the sizes, and a folder with the numbers.
 *
 *   matmul   a (M, K) and b (K, N), or transposed; the product goes to `result`, (M, N)
 *   conv2d   x (B, H, W, C), W (KH, KW, C, OC) and dy (B, OH, OW, OC); what is wanted of y, dx and
 *            dW goes to `result` in the same layout, into which contestants with another permute it
 *   train    `inputs` (S·B, I), `bytes` (the same before normalisation), `labels` (S·B), and the
 *            initial parameters under PyTorch's names and in its layouts; the losses of the first
 *            steps go to `result`
 *   epoch    `bytes` and `labels` of MNIST, `test-bytes` and `test-labels`, and the same initial
 *            parameters; losses as before
 *
 * A training job is a round of S steps on S batches, in order.
 *
 * @typedef {import('./work.mjs').Work & { folder: string, result: string,
 *   normalization: { mean: number, std: number } }} Job
 */

import { readIntegers, readReals } from './files.mjs';

/** @param {Job} job */
export async function readOperands({ folder }) {
  return { a: await readReals(folder, 'a'), b: await readReals(folder, 'b') };
}

/** Shapes in which the operands are stored. */
export function operandShapes({ m, k, n, transpose }) {
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  return {
    transposeA,
    transposeB,
    shapeA: transposeA ? [k, m] : [m, k],
    shapeB: transposeB ? [n, k] : [k, n],
  };
}

/** Shapes of a convolution's tensors with channels last; a gradient has its tensor's. */
export function convolutionShapes({ batch, extent, channels, outputs, kernel }) {
  const outputExtent = extent - kernel + 1;
  return {
    x: [batch, extent, extent, channels],
    y: [batch, outputExtent, outputExtent, outputs],
    W: [kernel, kernel, channels, outputs],
  };
}

/** @param {Job} job */
export async function readConvolution({ folder }) {
  return {
    x: await readReals(folder, 'x'),
    W: await readReals(folder, 'W'),
    dy: await readReals(folder, 'dy'),
  };
}

/** For each axis of (B, C, H, W), which of (B, H, W, C) it is, and so on; and the way back. */
const CHANNELS_FIRST = { x: [0, 3, 1, 2], y: [0, 3, 1, 2], W: [3, 2, 0, 1] };
const CHANNELS_LAST = { x: [0, 2, 3, 1], y: [0, 2, 3, 1], W: [2, 3, 1, 0] };

/** The same with channels first, as PyTorch has it: images (B, C, H, W), weights (OC, C, KH, KW). */
export async function readConvolutionChannelsFirst(job) {
  const shapes = convolutionShapes(job);
  const { x, W, dy } = await readConvolution(job);
  const turn = (kind, values) => permute(values, shapes[kind], CHANNELS_FIRST[kind]);
  const turned = (kind) => CHANNELS_FIRST[kind].map((axis) => shapes[kind][axis]);
  return {
    x: turn('x', x),
    W: turn('W', W),
    dy: turn('y', dy),
    shapes: { x: turned('x'), y: turned('y'), W: turned('W') },
  };
}

/** What is wanted, computed with channels first, in the layout of `result`. */
export function withChannelsLast(job, values) {
  const kind = { y: 'y', dx: 'x', dW: 'W' }[job.wanted];
  const shape = CHANNELS_FIRST[kind].map((axis) => convolutionShapes(job)[kind][axis]);
  return permute(values, shape, CHANNELS_LAST[kind]);
}

/** Inputs (B, I) and labels (B) of every step that is timed or checked. */
export async function readBatches({ folder, steps, checkedSteps, batch, features }) {
  const inputs = await readReals(folder, 'inputs');
  const labels = await readIntegers(folder, 'labels');
  return Array.from({ length: Math.max(steps, checkedSteps) }, (_, s) => ({
    inputs: inputs.slice(s * batch * features, (s + 1) * batch * features),
    labels: labels.slice(s * batch, (s + 1) * batch),
  }));
}

/**
 * The layers of a model without branches. Those that have them come with their initial weight, in
 * PyTorch's layout, and bias: (O, I) of a linear layer, (OC, C, KH, KW) of a convolution.
 */
export async function readLayers({ folder, layers }) {
  const result = [];
  for (const [i, [kind, ...args]] of layers.entries()) {
    const weightShape = weightShapeOf(kind, args);
    const parameters = weightShape && {
      weightShape,
      weight: await readReals(folder, `${i}.weight`),
      bias: await readReals(folder, `${i}.bias`),
    };
    result.push({ kind, args, ...parameters });
  }
  return result;
}

function weightShapeOf(kind, [inputs, outputs, kernel]) {
  if (kind === 'linear') return [outputs, inputs];
  if (kind === 'conv2d') return [outputs, inputs, kernel, kernel];
  return undefined;
}

/** One row per label, 1 where it says. */
export function oneHot(labels, classes) {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => {
    rows[n * classes + label] = 1;
  });
  return rows;
}

/**
 * Values with their axes in another order.
 *
 * @param {readonly number[]} axes for each axis of the result, which of `shape` it is
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
