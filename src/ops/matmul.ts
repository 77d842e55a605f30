/**
 * Matrix product: C = A·B, where A or B may be stored transposed.
 *
 *   C (M, N)
 *   A (M, K), or stored as (K, M) with transposeA
 *   B (K, N), or stored as (N, K) with transposeB
 *
 *   C[m, n] = Σₖ A[m, k] B[k, n]
 *
 * Backward. The loss depends on A[m, k] through every C[m, n]:
 *
 *   dA[m, k] = Σₙ dC[m, n] ∂C[m, n]/∂A[m, k] = Σₙ dC[m, n] B[k, n]
 *   dB[k, n] = Σₘ dC[m, n] ∂C[m, n]/∂B[k, n] = Σₘ A[m, k] dC[m, n]
 *
 * which are matrix products again, so this op is its own backward:
 *
 *   dA = dC·Bᵀ    (M, N)·(N, K)    B stored as it is: transposeB
 *   dB = Aᵀ·dC    (K, M)·(M, N)    A stored as it is: transposeA
 *
 * Kernels: assembly/matmul.ts, on the tiles of assembly/gemm.ts; shaders/matmul.wgsl, on those of
 * shaders/gemm.wgsl
 */
import { ShapeError } from '../errors.js';
import { formatShape, type Values } from '../tensor.js';
import { defineOp, expectRank, expectShape } from './types.js';

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
  [M, N, K]: readonly number[],
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

export const matmulOps = {
  matmul: defineOp({
    outputs: ['C'],
    inputs: ['A', 'B'],
    attributes: ['transposeA', 'transposeB'],
    formula: 'C = A·B',
    sizes({ C, A, B }, { transposeA, transposeB }) {
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
      expectShape('matmul', 'C', C, [M, N]);
      return [M, N, K];
    },
    reference({ C, A, B }, sizes, { transposeA, transposeB }) {
      matmul(C, A, B, sizes, transposeA !== 0, transposeB !== 0);
    },
  }),
};
