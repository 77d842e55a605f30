/**
 * Matrix product (GEMM, general matrix multiplication): C = A·B, where A or B may be stored
 * transposed.
 *
 *   C, dC (M, N)
 *   A, dA (M, K), or stored as (K, M) with transposeA
 *   B, dB (K, N), or stored as (N, K) with transposeB
 *
 *   C[m, n] = Σₖ A[m, k] B[k, n]
 *
 * Backward. A[m, k] contributes to row m of C, and B[k, n] to column n:
 *
 *   dA[m, k] = Σₙ dC[m, n] ∂C[m, n]/∂A[m, k] = Σₙ dC[m, n] B[k, n]
 *   dB[k, n] = Σₘ dC[m, n] ∂C[m, n]/∂B[k, n] = Σₘ A[m, k] dC[m, n]
 *
 * Both are matrix products, so this op is its own backward:
 *
 *   dA = dC·Bᵀ    (M, N)·(N, K), with transposeB, as B is stored as (K, N)
 *   dB = Aᵀ·dC    (K, M)·(M, N), with transposeA, as A is stored as (M, K)
 *
 * Saved for backward: A and B. The letters are those of BLAS; in this file B and C are matrices,
 * not the batch size and the number of channels.
 *
 * Kernels: assembly/matmul.ts, with the tiles of assembly/gemm.ts; shaders/matmul.wgsl, with those
 * of shaders/gemm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  LONG,
  type OpCases,
  reals,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectRank } from './shape-checks.js';

/**
 * C (M, N) = A·B.
 *
 * @param transposeA A is stored as (K, M)
 * @param transposeB B is stored as (N, K)
 */
export function matmul(
  C: Values,
  A: Values,
  B: Values,
  { M, N, K }: Numbers<'M' | 'N' | 'K'>,
  transposeA = false,
  transposeB = false,
): void {
  const [aRow, aColumn] = transposeA ? [1, M] : [K, 1];
  const [bRow, bColumn] = transposeB ? [1, K] : [N, 1];
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += A[m * aRow + k * aColumn] * B[k * bRow + n * bColumn];
      C[m * N + n] = sum;
    }
  }
}

export const matmulOps = defineOps({
  matmul: defineOp({
    outputs: ['C'],
    inputs: ['A', 'B'],
    attributes: ['transposeA', 'transposeB'],
    sizes: ['M', 'N', 'K'],
    formula: 'C = A·B',
    shapes({ A, B }, { transposeA, transposeB }) {
      expectRank('matmul', 'A', A, '(M, K)');
      expectRank('matmul', 'B', B, '(K, N)');
      const [M, K] = transposeA ? [A[1], A[0]] : A;
      const [rows, N] = transposeB ? [B[1], B[0]] : B;
      if (rows !== K) {
        const of = transposeB ? `(N, ${K})` : `(${K}, N)`;
        throw new ShapeError(
          `matmul: expected B of shape ${of} to match K = ${K} of A ${formatShape(A)}, got ${formatShape(B)}`,
        );
      }
      return { outputs: { C: [M, N] }, sizes: { M, N, K } };
    },
    terms: ({ K }) => K,
    reference({ C, A, B }, sizes, { transposeA, transposeB }) {
      matmul(C, A, B, sizes, transposeA !== 0, transposeB !== 0);
    },
  }),
});

const TRANSPOSITIONS = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];

export const matmulCases: OpCases<keyof typeof matmulOps> = {
  name: 'matmul',
  magnitudes: { matmul: absolute },
  draw(random) {
    const [M, N, K] = drawExtents(random, 3);
    return {
      gradients: TRANSPOSITIONS.map((stored) => matmulCase(random, { M, N, K, ...stored })),
      kernels: TRANSPOSITIONS.map((stored) => matmulCase(random, { M, N, K: LONG, ...stored })),
    };
  },
};

export interface ProductSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * One of the four layouts. If A or B is stored transposed, so is its gradient: the backward then
 * computes dAᵀ = B·dCᵀ or dBᵀ = dCᵀ·A.
 */
export function matmulCase(
  random: RandomStream,
  { M, N, K, transposeA, transposeB }: ProductSizes,
): GradientDeclaration<keyof typeof matmulOps> {
  const product = (C: string, A: string, B: string, tA: boolean, tB: boolean) => ({
    op: 'matmul' as const,
    tensors: { C, A, B },
    attributes: { transposeA: Number(tA), transposeB: Number(tB) },
  });
  const [A, B] = [transposeA ? [K, M] : [M, K], transposeB ? [N, K] : [K, N]];
  return {
    title: `matmul ${formatShape([M, K])}·${formatShape([K, N])}, stored ${formatShape(A)} and ${formatShape(B)}`,
    inputs: { A: reals(random, A), B: reals(random, B) },
    forward: [product('C', 'A', 'B', transposeA, transposeB)],
    backward: [
      transposeA
        ? product('dA', 'B', 'dC', transposeB, true)
        : product('dA', 'dC', 'B', false, !transposeB),
      transposeB
        ? product('dB', 'dC', 'A', true, transposeA)
        : product('dB', 'A', 'dC', !transposeA, false),
    ],
  };
}
