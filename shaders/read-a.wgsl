// expects: OUT_OF_BOUNDS
// Loads from A of a GEMM, element by element.
@group(0) @binding(1) var<storage, read> A: array<f32>;

fn readA(offsets: vec4u) -> vec4f {
  let isInside = offsets != vec4u(OUT_OF_BOUNDS);
  let at = select(vec4u(), offsets, isInside);
  return select(vec4f(), vec4f(A[at.x], A[at.y], A[at.z], A[at.w]), isInside);
}
