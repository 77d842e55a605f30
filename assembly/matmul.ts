// Derivation: src/ops/matmul.ts
import { attribute, pointer, size } from './arguments';
import { gemm } from './gemm';
import { NO_CLAMP } from './simd';

export function matmul(args: usize): void {
  const C = pointer(args, 0);
  const A = pointer(args, 1);
  const B = pointer(args, 2);
  const M = size(args, 3);
  const N = size(args, 4);
  const K = size(args, 5);
  const transposeA = attribute(args, 6, 0) != 0;
  const transposeB = attribute(args, 6, 1) != 0;
  gemm(C, A, B, 0, M, N, K, transposeA, transposeB, NO_CLAMP);
}
