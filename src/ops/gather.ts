/**
 * Gather: copies the examples of one batch out of the dataset, by shuffled index.
 *
 *   index (N) int32, a permutation of 0 … N − 1    state: position of this batch in it
 *   row(n) = index[position + n]
 *
 *   gatherBytes    data (N, F) uint8   → x (B, F):   x[n, f] = (data[row(n), f] / 255 − mean) / std
 *   gatherReals    data (N, F) float32 → x (B, F):   x[n, f] = data[row(n), f]
 *   gatherLabels   labels (N) int32    → t (B):      t[n] = labels[row(n)]
 *
 * Keeping bytes and normalising here makes the dataset four times smaller, and costs less than
 * reading four times as much memory would. The kernels compute byte · a + b with a = 1 / (255 std)
 * and b = −mean / std, which is the same number with one rounding less.
 *
 * Nothing flows back: data has no gradient.
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
import { defineOp, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';
import { position, stateWords } from './step-state.js';

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

export function gatherLabels(
  t: Values,
  labels: Values,
  index: Values,
  start: number,
  { B }: Numbers<'B'>,
): void {
  for (let n = 0; n < B; n++) t[n] = labels[index[start + n]];
}

/** Row numbers are below N, the rows of the dataset. */
const rowsOf = (role: 'data' | 'labels') => ({
  index: (_: unknown, shapes: Readonly<Record<string, Shape>>) => shapes[role][0],
});

export const gatherOps = {
  gatherBytes: defineOp({
    outputs: ['x'],
    inputs: ['data', 'index', 'state'],
    // The batch size follows from no input.
    like: ['x'],
    dtypes: { data: 'uint8', index: 'int32', state: 'int32' },
    below: rowsOf('data'),
    attributes: ['mean', 'std'],
    sizes: ['B', 'F'],
    formula: 'x[n, f] = (data[index[position + n], f] / 255 − mean) / std',
    shapes: ({ x, data, index }) => gatherShapes(x, data, index),
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
    shapes: ({ x, data, index }) => gatherShapes(x, data, index),
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
    shapes({ t, labels, index }) {
      expectRank('gather', 't', t, '(B)');
      expectShape('gather', 'index', index, labels);
      return { outputs: { t }, sizes: { B: t[0] } };
    },
    terms: () => 1,
    reference: ({ t, labels, index, state }, sizes) =>
      gatherLabels(t, labels, index, position(state), sizes),
  }),
};

/** x (B, F) of data (N, F) and index (N). */
function gatherShapes(x: Shape, data: Shape, index: Shape) {
  expectRank('gather', 'data', data, '(N, F)');
  const [N, F] = data;
  const [B] = x;
  expectShape('gather', 'x', x, [B, F]);
  expectShape('gather', 'index', index, [N]);
  return { outputs: { x }, sizes: { B, F } };
}

export const gatherCases: OpCases<keyof typeof gatherOps> = {
  name: 'gather',
  magnitudes: {
    gatherBytes: absolute('mean'),
    gatherReals: relative,
    gatherLabels: relative,
  },
  draw(random) {
    const [B, F, others] = drawExtents(random, 3);
    return { kernels: [gatherCase(random, { N: B + others, F, B })] };
  },
};

/** A batch of B ≤ N rows from somewhere within the index. */
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
      state: { shape: [4], data: stateWords(1, position) },
      // They lend their shape.
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
