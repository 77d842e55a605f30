// A of a product, read by element: shaders/gemm.wgsl.
@group(0) @binding(1) var<storage, read> A: array<f32>;

fn readA(places: vec4u) -> vec4f {
  let isInside = places != vec4u(OUTSIDE);
  let at = select(vec4u(), places, isInside);
  return select(vec4f(), vec4f(A[at.x], A[at.y], A[at.z], A[at.w]), isInside);
}
