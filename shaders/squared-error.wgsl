// Derivation: src/ops/squared-error.ts
// predictions y, targets t and gradient dy of one shape with n elements. Behind parts.wgsl.
override WORKGROUP: u32 = 256; // a power of 2

struct Sizes { n: u32, scale: f32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> L: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;

// Each invocation takes every so many-th element as there are invocations.
@compute @workgroup_size(WORKGROUP)
fn squaredErrorForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  var sum = Sum();
  for (var at = group.x * WORKGROUP + i; at < sizes.n; at += groups.x * WORKGROUP) {
    let difference = y[at] - t[at];
    // Scaled one by one: the sum of squares that are just finite would not be.
    sum = add(sum, sizes.scale * difference * difference);
  }
  finishOrLeave(sum.value, group.x, i);
}

fn finish(total: f32) { L[0] = total; }

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn squaredErrorBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  dy[i] = 2 * sizes.scale * (y[i] - t[i]);
}
