// expects: OUT_OF_BOUNDS
// Vectorised loads (vec4) from A of a GEMM. The caller guarantees that four rows of a column are
// contiguous and start at a multiple of 4.
@group(0) @binding(1) var<storage, read> A: array<vec4f>;

fn readA(offsets: vec4u) -> vec4f {
  if (offsets.x == OUT_OF_BOUNDS) { return vec4f(); }
  return A[offsets.x / 4];
}
