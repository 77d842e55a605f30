// Derivation: src/ops/add.ts
// All tensors have the same shape, with n elements. Each invocation computes one element.

struct Sizes { n: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i < sizes.n) { y[i] = a[i] + b[i]; }
}
