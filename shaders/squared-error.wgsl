// requires: block-sum, rounded, split-reduction
// Derivation: src/ops/squared-error.ts
// predictions y, targets t and gradient dy have the same shape, with n elements.

struct Sizes { n: u32, scale: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> L: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;

// Grid-stride loop: with T invocations in all, invocation i sums elements i, i + T, i + 2T, …
@compute @workgroup_size(WORKGROUP)
fn squaredErrorForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  var sum = Sum();
  for (var at = group.x * WORKGROUP + i; at < sizes.n; at += groups.x * WORKGROUP) {
    let difference = y[at] - t[at];
    // Each square is scaled: the sum of unscaled squares could overflow.
    sum = add(sum, rounded(sizes.scale * difference) * difference);
  }
  reduceSplit(valueOf(sum), group.x, i);
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
