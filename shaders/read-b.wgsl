// Loads from B of a GEMM, element by element.
@group(0) @binding(2) var<storage, read> B: array<f32>;

fn readB(offsets: vec4u) -> vec4f {
  return vec4f(B[offsets.x], B[offsets.y], B[offsets.z], B[offsets.w]);
}
