// B of a product, read by element: shaders/gemm.wgsl.
@group(0) @binding(2) var<storage, read> B: array<f32>;

fn readB(places: vec4u) -> vec4f {
  return vec4f(B[places.x], B[places.y], B[places.z], B[places.w]);
}
