// requires: gemm, matrices
// Derivation: src/ops/linear.ts
// x, dx (B, I), W, dW (I, O), y, dy (B, O), b (O). Three GEMMs: gemm.wgsl has the loops and the bias
// epilogue, matrices.wgsl the loads. column-sums.wgsl computes db.
//
//   linearForward           y (B, O) = x (B, I) · W (I, O) + b
//   linearBackwardWeight    dW (I, O) = xᵀ (I, B) · dy (B, O)    TRANSPOSE_A
//   linearBackwardInput     dx (B, I) = dy (B, O) · Wᵀ (O, I)    TRANSPOSE_B
struct Sizes { B: u32, I: u32, O: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

fn gemmShape() -> GemmShape {
  if (TRANSPOSE_A) { return matrixShape(sizes.I, sizes.O); }
  if (TRANSPOSE_B) { return matrixShape(sizes.B, sizes.I); }
  return matrixShape(sizes.B, sizes.O);
}

fn gemmDepth(phase: u32) -> u32 {
  if (TRANSPOSE_A) { return sizes.B; }
  if (TRANSPOSE_B) { return sizes.O; }
  return sizes.I;
}
