// requires: is-positive
// Derivation: src/ops/relu.ts
// All tensors have the same shape, with n elements. Each invocation computes one element.

struct Sizes { n: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn reluForward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  // The select propagates NaN.
  y[i] = select(x[i], 0, x[i] < 0);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> yRead: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn reluBackward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  dx[i] = select(0, dy[i], isPositive(yRead[i]));
}
