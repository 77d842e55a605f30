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
import type { Shape, Values } from '../tensor.js';
import { position } from './step-state.js';
import { defineOp, expectRank, expectShape } from './types.js';

export function gatherBytes(
  x: Values,
  data: Values,
  index: Values,
  start: number,
  [B, F]: readonly number[],
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
  [B, F]: readonly number[],
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
  [B]: readonly number[],
): void {
  for (let n = 0; n < B; n++) t[n] = labels[index[start + n]];
}

export const gatherOps = {
  gatherBytes: defineOp({
    outputs: ['x'],
    inputs: ['data', 'index', 'state'],
    attributes: ['mean', 'std'],
    formula: 'x[n, f] = (data[index[position + n], f] / 255 − mean) / std',
    sizes: ({ x, data, index }) => gatherSizes(x, data, index),
    reference: ({ x, data, index, state }, sizes, { mean, std }) =>
      gatherBytes(x, data, index, position(state), sizes, mean, std),
  }),

  gatherReals: defineOp({
    outputs: ['x'],
    inputs: ['data', 'index', 'state'],
    formula: 'x[n, f] = data[index[position + n], f]',
    sizes: ({ x, data, index }) => gatherSizes(x, data, index),
    reference: ({ x, data, index, state }, sizes) =>
      gatherReals(x, data, index, position(state), sizes),
  }),

  gatherLabels: defineOp({
    outputs: ['t'],
    inputs: ['labels', 'index', 'state'],
    formula: 't[n] = labels[index[position + n]]',
    sizes({ t, labels, index }) {
      expectRank('gather', 't', t, '(B)');
      expectShape('gather', 'index', index, labels);
      return t;
    },
    reference: ({ t, labels, index, state }, sizes) =>
      gatherLabels(t, labels, index, position(state), sizes),
  }),
};

/** [B, F] of x (B, F), data (N, F) and index (N). */
function gatherSizes(x: Shape, data: Shape, index: Shape): readonly number[] {
  expectRank('gather', 'data', data, '(N, F)');
  expectShape('gather', 'x', x, [x[0], data[1]]);
  expectShape('gather', 'index', index, [data[0]]);
  return x;
}
