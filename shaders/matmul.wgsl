// Derivation: src/ops/matmul.ts
// C (M, N) = A·B; the loops are those of gemm.wgsl, the loads those of matrices.wgsl.
struct Sizes { M: u32, N: u32, K: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

fn shapeOf() -> Shape { return matricesOf(sizes.M, sizes.N); }

fn termsIn(phase: u32) -> u32 { return sizes.K; }
