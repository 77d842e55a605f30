/**
 * Gather: copies the examples of one batch from the dataset, by a shuffled index.
 *
 *   index (N) int32   a permutation of 0 … N − 1
 *   state             contains the position at which this batch begins in index; see step-state.ts
 *   N examples in the dataset, B in the batch, F features per example
 *
 *   row = index[position + n]    for n = 0 … B − 1
 *
 *   gatherBytes    x[n, f] = (data[row, f] / 255 − mean) / std    data (N, F) uint8     x (B, F)
 *   gatherReals    x[n, f] = data[row, f]                         data (N, F) float32   x (B, F)
 *   gatherLabels   t[n] = labels[row]                             labels (N) int32      t (B) int32
 *
 * Storing bytes and normalising them here makes the dataset four times smaller, and is faster than
 * reading normalised float32: the arithmetic costs less time than four times as many bytes. The kernels compute byte · scale + shift,
 * with scale = 1 / (255 std) and shift = −mean / std, which is equal but for rounding.
 *
 * There is no backward: the data has no gradient.
 *
 * Kernels: assembly/gather.ts, shaders/gather.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import type { Shape, Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  integers,
  type KernelDeclaration,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { STATE_WORDS } from './constants.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';
import { expectState, position, stateBounds, stateWords } from './step-state.js';

/** x (B, F) of data (N, F) and index (N). */
export function gatherBytes(
  x: Values,
  data: Values,
  index: Values,
  start: number,
  { B, F }: Numbers<'B' | 'F'>,
  mean: number,
  std: number,
): void {
  for (let n = 0; n < B; n++) {
    const row = index[start + n];
    for (let f = 0; f < F; f++) x[n * F + f] = (data[row * F + f] / 255 - mean) / std;
  }
}

/** x (B, F) of data (N, F) and index (N). */
export function gatherReals(
  x: Values,
  data: Values,
  index: Values,
  start: number,
  { B, F }: Numbers<'B' | 'F'>,
): void {
  for (let n = 0; n < B; n++) {
    const row = index[start + n];
    for (let f = 0; f < F; f++) x[n * F + f] = data[row * F + f];
  }
}

/** t (B) of labels (N) and index (N). */
export function gatherLabels(
  t: Values,
  labels: Values,
  index: Values,
  start: number,
  { B }: Numbers<'B'>,
): void {
  for (let n = 0; n < B; n++) t[n] = labels[index[start + n]];
}

/**
 * Every element of index must be below N, the number of examples in the dataset, and the batch must end
 * within the index.
 */
const rowsOf = (role: 'data' | 'labels') => ({
  index: (_: unknown, shapes: Readonly<Record<string, Shape>>) => shapes[role][0],
  state: ({ B }: Numbers<'B'>, { index }: Readonly<Record<string, Shape>>) =>
    stateBounds({ positions: index[0] - B + 1 }),
});

export const gatherOps = defineOps({
  gatherBytes: defineOp({
    outputs: ['x'],
    inputs: ['data', 'index', 'state'],
    // The shapes of the inputs do not determine the batch size.
    like: ['x'],
    dtypes: { data: 'uint8', index: 'int32', state: 'int32' },
    below: rowsOf('data'),
    attributes: ['mean', 'std'],
    sizes: ['B', 'F'],
    formula: 'x[n, f] = (data[index[position + n], f] / 255 − mean) / std',
    shapes: ({ x, data, index, state }) => gatherShapes(x, data, index, state),
    terms: () => 1,
    reference: ({ x, data, index, state }, sizes, { mean, std }) =>
      gatherBytes(x, data, index, position(state), sizes, mean, std),
  }),

  gatherReals: defineOp({
    outputs: ['x'],
    inputs: ['data', 'index', 'state'],
    like: ['x'],
    dtypes: { index: 'int32', state: 'int32' },
    below: rowsOf('data'),
    sizes: ['B', 'F'],
    formula: 'x[n, f] = data[index[position + n], f]',
    shapes: ({ x, data, index, state }) => gatherShapes(x, data, index, state),
    terms: () => 1,
    reference: ({ x, data, index, state }, sizes) =>
      gatherReals(x, data, index, position(state), sizes),
  }),

  gatherLabels: defineOp({
    outputs: ['t'],
    inputs: ['labels', 'index', 'state'],
    like: ['t'],
    dtypes: { t: 'int32', labels: 'int32', index: 'int32', state: 'int32' },
    below: rowsOf('labels'),
    sizes: ['B'],
    formula: 't[n] = labels[index[position + n]]',
    shapes({ t, labels, index, state }) {
      expectRank('gather', 't', t, '(B)');
      expectShape('gather', 'index', index, labels);
      expectState('gather', state);
      return { outputs: { t }, sizes: { B: t[0] } };
    },
    terms: () => 1,
    reference: ({ t, labels, index, state }, sizes) =>
      gatherLabels(t, labels, index, position(state), sizes),
  }),
});

/** Checks x (B, F), data (N, F), index (N) and state, and returns the sizes. */
function gatherShapes(x: Shape, data: Shape, index: Shape, state: Shape) {
  expectRank('gather', 'data', data, '(N, F)');
  const [N, F] = data;
  const [B] = x;
  expectShape('gather', 'x', x, [B, F]);
  expectShape('gather', 'index', index, [N]);
  expectState('gather', state);
  return { outputs: { x }, sizes: { B, F } };
}

export const gatherCases: OpCases<keyof typeof gatherOps> = {
  name: 'gather',
  magnitudes: {
    gatherBytes: (operands, call) => absolute(operands, call, 'mean'),
    gatherReals: relative,
    gatherLabels: relative,
  },
  draw(random) {
    const [B, F, others] = drawExtents(random, 3);
    return { kernels: [gatherCase(random, { N: B + others, F, B })] };
  },
};

/** A batch of B ≤ N rows at a random position of the index. */
export function gatherCase(
  random: RandomStream,
  { N, F, B }: Numbers<'N' | 'F' | 'B'>,
): KernelDeclaration<keyof typeof gatherOps> {
  const attributes = { mean: random.nextFloat(), std: 0.1 + random.nextFloat() };
  const position = random.nextBelow(N - B + 1);
  return {
    title: `gather (${B}, ${F}) of (${N}, ${F})`,
    values: {
      bytes: integers(random, [N, F], 256, 'uint8'),
      rows: reals(random, [N, F]),
      labels: integers(random, [N], 1000),
      index: integers(random, [N], N),
      state: { shape: [STATE_WORDS], data: stateWords(1, position) },
      // Only their shapes are used, by `like`.
      batch: reals(random, [B, F]),
      batchLabels: integers(random, [B], 1000),
    },
    calls: [
      { op: 'gatherBytes', tensors: { data: 'bytes' }, attributes, like: { x: 'batch' } },
      { op: 'gatherReals', tensors: { data: 'rows', x: 'y' }, like: { x: 'batch' } },
      { op: 'gatherLabels', like: { t: 'batchLabels' } },
    ],
  };
}
