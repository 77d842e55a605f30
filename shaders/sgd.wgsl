// requires: step-state-layout
// Derivation: src/ops/sgd.ts
// w, v, dw have the same shape, with n elements; schedule (R). Each invocation updates one element.

struct Sizes { n: u32, momentum: f32, weightDecay: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<storage, read> dw: array<f32>;
@group(0) @binding(3) var<storage, read> schedule: array<f32>;
@group(0) @binding(4) var<storage, read> state: StepState;

@compute @workgroup_size(WORKGROUP)
fn sgdUpdate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let g = dw[i] + sizes.weightDecay * w[i];
  w[i] -= schedule[state.row] * g;
}

@compute @workgroup_size(WORKGROUP)
fn sgdMomentumUpdate(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let g = dw[i] + sizes.weightDecay * w[i];
  let velocity = sizes.momentum * v[i] + g;
  v[i] = velocity;
  w[i] -= schedule[state.row] * velocity;
}

@compute @workgroup_size(WORKGROUP)
fn sgdNesterovUpdate(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let g = dw[i] + sizes.weightDecay * w[i];
  let velocity = sizes.momentum * v[i] + g;
  v[i] = velocity;
  w[i] -= schedule[state.row] * (g + sizes.momentum * velocity);
}
