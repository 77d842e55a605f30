// What shaders/gemm.wgsl multiplies in a product of matrices: A (M, K) and B (K, N), row-major, or
// with TRANSPOSE_A and TRANSPOSE_B A (K, M) and B (N, K). Which sizes those are, shapeOf() tells in
// matmul.wgsl and linear.wgsl.
alias Line = u32;

fn rowOf(m: u32) -> Line { return m; }

fn depthOf(k: u32) -> Line { return k; }

fn loadA(m: Line, k: Line) -> f32 {
  let shape = shapeOf();
  if (TRANSPOSE_A) { return A[k * shape.M + m]; }
  return A[m * shape.K + k];
}

fn loadB(k: u32, n: u32) -> f32 {
  let shape = shapeOf();
  if (TRANSPOSE_B) { return B[n * shape.K + k]; }
  return B[k * shape.N + n];
}
