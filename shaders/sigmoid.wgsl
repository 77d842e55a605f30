// Derivation: src/ops/sigmoid.ts
// All tensors of one shape with n elements, one invocation each. Behind exp.wgsl.
override WORKGROUP: u32 = 256;

struct Sizes { n: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn sigmoidForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  y[i] = sigmoidFrom(preciseExp(-abs(x[i])), x[i]);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> y2: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn sigmoidBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  dx[i] = dy[i] * (y2[i] * (1 - y2[i]));
}
