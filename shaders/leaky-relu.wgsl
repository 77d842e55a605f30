// requires: is-positive
// Derivation: src/ops/leaky-relu.ts
// All tensors have the same shape, with n elements. Each invocation computes one element.

struct Sizes { n: u32, negativeSlope: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn leakyReluForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  y[i] = select(sizes.negativeSlope * x[i], x[i], isPositive(x[i]));
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> y2: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn leakyReluBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  dx[i] = select(sizes.negativeSlope * dy[i], dy[i], isPositive(y2[i]));
}
