// What shaders/gemm.wgsl multiplies in a product of matrices: A (M, K) and B (K, N), row-major, or
// with TRANSPOSE_A and TRANSPOSE_B A (K, M) and B (N, K). Which sizes those are, shapeOf() and
// termsIn() tell in matmul.wgsl and linear.wgsl.
fn matricesOf(M: u32, N: u32) -> Shape { return Shape(M, N, 1, 1, M); }

alias Line = u32;

fn rowOf(m: u32) -> Line { return m; }

fn depthOf(k: u32) -> Line { return k; }

fn placeInA(m: Line, k: Line) -> u32 {
  return select(m * termsIn(phase) + k, k * shapeOf().M + m, TRANSPOSE_A);
}

fn placeInB(k: u32, n: u32) -> u32 {
  return select(k * shapeOf().N + n, n * termsIn(phase) + k, TRANSPOSE_B);
}

fn rowInC(m: u32) -> u32 { return m; }
