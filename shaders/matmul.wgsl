// requires: gemm, matrices
// Derivation: src/ops/matmul.ts
// C (M, N) = A·B, a GEMM: gemm.wgsl has the loops, matrices.wgsl the loads.
struct Sizes { M: u32, N: u32, K: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

fn gemmShape() -> GemmShape { return matrixShape(sizes.M, sizes.N); }

fn gemmDepth(phase: u32) -> u32 { return sizes.K; }
