/**
 * Embedding: row t of a table, for each integer t.
 *
 *   W, dW (V, D)    t (…) int32, N integers from 0 to V − 1    y, dy (…, D)
 *
 *   y[n, d] = W[t[n], d]
 *
 * It is the product of a one-hot matrix with W: y = X·W, where X[n, v] is 1 where t[n] = v and 0
 * elsewhere. Neither forward nor backward multiplies by those zeros.
 *
 * Backward. W[v, d] contributes to y[n, d] for every n with t[n] = v, so its gradient is a sum over n:
 *
 *   dW[v, d] = Σₙ dy[n, d] ∂y[n, d]/∂W[v, d] = Σₙ X[n, v] dy[n, d]     which is dW = Xᵀ·dy
 *            = Σ dy[n, d]     over the n with t[n] = v
 *
 * Rows of integers that do not occur in t get 0. Integers have no gradient. Saved for backward: t.
 *
 * A scatter in which many threads add dy[n] to row t[n] at once would need atomic additions of floats,
 * whose order, and therefore rounding, differs from run to run. Instead, one thread or workgroup sums
 * each element of dW, in an order that depends on t alone. Both kernels write V D zeros and add N D
 * numbers:
 *
 *   CPU   threads share the columns d; each thread walks the positions n in order
 *   GPU   each position searches t for equal integers: N² comparisons for every 32 columns
 *
 * Kernels: assembly/embedding.ts, shaders/embedding.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  integers,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectRank, expectShape } from './shape-checks.js';
import { sumInto } from './sum-into.js';

/** y (N, D) of t (N) and W (V, D). */
export function embeddingForward(
  y: Values,
  t: Values,
  W: Values,
  { N, D }: Numbers<'N' | 'D'>,
): void {
  for (let n = 0; n < N; n++) {
    for (let d = 0; d < D; d++) y[n * D + d] = W[t[n] * D + d];
  }
}

/** dW (V, D) of dy (N, D) and t (N). */
export function embeddingBackward(
  dW: Values,
  dy: Values,
  t: Values,
  { N, D }: Numbers<'N' | 'D'>,
): void {
  sumInto(dW, (sums) => {
    for (let n = 0; n < N; n++) {
      for (let d = 0; d < D; d++) sums[t[n] * D + d] += dy[n * D + d];
    }
  });
}

export const embeddingOps = defineOps({
  embeddingForward: defineOp({
    outputs: ['y'],
    inputs: ['t', 'W'],
    dtypes: { t: 'int32' },
    below: { t: (_, { W }) => W[0] },
    sizes: ['N', 'D'],
    formula: 'y[n, d] = W[t[n], d]',
    shapes({ t, W }) {
      expectRank('embedding', 'W', W, '(V, D)');
      const D = W[1];
      return { outputs: { y: [...t, D] }, sizes: { N: sizeOf(t), D } };
    },
    terms: () => 1,
    reference: ({ y, t, W }, sizes) => embeddingForward(y, t, W, sizes),
  }),

  embeddingBackward: defineOp({
    outputs: ['dW'],
    inputs: ['dy', 't'],
    // The inputs do not determine V.
    like: ['dW'],
    dtypes: { t: 'int32' },
    below: { t: ({ V }) => V },
    sizes: ['N', 'V', 'D'],
    formula: 'dW[v, d] = Σ dy[n, d] over n with t[n] = v',
    shapes({ dy, t, dW }) {
      expectRank('embedding', 'dW', dW, '(V, D)');
      const [V, D] = dW;
      expectShape('embedding', 'dy', dy, [...t, D]);
      return { outputs: { dW }, sizes: { N: sizeOf(t), V, D } };
    },
    // All positions may hold the same integer.
    terms: ({ N }) => N,
    reference: ({ dW, dy, t }, sizes) => embeddingBackward(dW, dy, t, sizes),
  }),
});

export const embeddingCases: OpCases<keyof typeof embeddingOps> = {
  name: 'embedding',
  magnitudes: { embeddingForward: relative, embeddingBackward: absolute },
  draw(random) {
    const [B, T, V, D] = drawExtents(random, 4);
    return {
      gradients: [embeddingCase(random, [B], V, D), embeddingCase(random, [B, T], V, D)],
      kernels: [embeddingCase(random, [64, T], V, D + 32)],
    };
  },
};

/**
 * @param shape of t
 * @param V rows of the table; some occur several times in t, and some not at all
 * @param D columns of the table
 */
export function embeddingCase(
  random: RandomStream,
  shape: Shape,
  V: number,
  D: number,
): GradientDeclaration<keyof typeof embeddingOps> {
  return {
    title: `embedding of ${formatShape(shape)} in ${formatShape([V, D])}`,
    inputs: { W: reals(random, [V, D]) },
    constants: { t: integers(random, shape, V) },
    forward: [{ op: 'embeddingForward' }],
    backward: [{ op: 'embeddingBackward', like: { dW: 'W' } }],
  };
}
