// requires: block-sum, exp, split-reduction
// Derivation: src/ops/mnist-loss.ts
// logits z (B, 1), probabilities p (B, 1), gradient dz (B, 1), targets t (B) of 0 or 1, loss L (1).

struct Sizes { B: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> L: array<f32>;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read> t: array<u32>;

@group(0) @binding(0) var<storage, read_write> dz: array<f32>;
@group(0) @binding(1) var<storage, read> pRead: array<f32>;

// Grid-stride loop: with T invocations in all, invocation i sums examples i, i + T, i + 2T, …
@compute @workgroup_size(WORKGROUP)
fn mnistLossForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  var sum = Sum();
  for (var n = group.x * WORKGROUP + i; n < sizes.B; n += groups.x * WORKGROUP) {
    let e = preciseExp(-abs(z[n]));
    p[n] = sigmoidFrom(e, z[n]);
    // 1 − σ(z) computed as σ(−z), which avoids cancellation.
    sum = add(sum, sigmoidFrom(e, select(z[n], -z[n], t[n] == 1)));
  }
  reduceSplit(valueOf(sum), group.x, i);
}

fn finish(total: f32) { L[0] = total / f32(sizes.B); }

@compute @workgroup_size(WORKGROUP)
fn mnistLossBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let n = id.x + id.y * groups.x * WORKGROUP;
  if (n >= sizes.B) { return; }
  let slope = pRead[n] * (1 - pRead[n]) / f32(sizes.B);
  dz[n] = select(slope, -slope, t[n] == 1);
}
