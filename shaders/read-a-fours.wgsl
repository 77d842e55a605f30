// A of a product, read by four: the caller guarantees that four rows of a column lie side by side, the
// first at a multiple of 4: shaders/gemm.wgsl.
@group(0) @binding(1) var<storage, read> A: array<vec4f>;

fn readA(places: vec4u) -> vec4f {
  if (places.x == OUTSIDE) { return vec4f(); }
  return A[places.x / 4];
}
