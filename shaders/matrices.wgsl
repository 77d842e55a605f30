// requires: gemm
// expects: gemmDepth, gemmShape
// The operands of a GEMM that multiplies matrices: A (M, K) and B (K, N), row-major, or A (K, M) with
// TRANSPOSE_A and B (N, K) with TRANSPOSE_B. matmul.wgsl and linear.wgsl define the sizes.
fn matrixShape(M: u32, N: u32) -> GemmShape { return GemmShape(M, N, 1, 1, M); }

alias Coordinates = u32;

fn rowCoordinates(m: u32) -> Coordinates { return m; }

fn depthCoordinates(k: u32) -> Coordinates { return k; }

fn offsetInA(m: Coordinates, k: Coordinates) -> u32 {
  return select(m * gemmDepth(phase) + k, k * gemmShape().M + m, TRANSPOSE_A);
}

fn offsetInB(k: u32, n: u32) -> u32 {
  return select(k * gemmShape().N + n, n * gemmDepth(phase) + k, TRANSPOSE_B);
}

fn rowInC(m: u32) -> u32 { return m; }
