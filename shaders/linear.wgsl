// Derivation: src/ops/linear.ts
// x, dx (B, I), W, dW (I, O), y, dy (B, O), b (O). Three products, with the loops of gemm.wgsl and the
// loads of matrices.wgsl; column-sums.wgsl computes db.
//
//   linearForward           y (B, O) = x (B, I) · W (I, O) + b
//   linearBackwardWeight    dW (I, O) = xᵀ (I, B) · dy (B, O)    TRANSPOSE_A
//   linearBackwardInput     dx (B, I) = dy (B, O) · Wᵀ (O, I)    TRANSPOSE_B
struct Sizes { B: u32, I: u32, O: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

fn shapeOf() -> Shape {
  if (TRANSPOSE_A) { return matricesOf(sizes.I, sizes.O); }
  if (TRANSPOSE_B) { return matricesOf(sizes.B, sizes.I); }
  return matricesOf(sizes.B, sizes.O);
}

fn termsIn(phase: u32) -> u32 {
  if (TRANSPOSE_A) { return sizes.B; }
  if (TRANSPOSE_B) { return sizes.O; }
  return sizes.I;
}
