// Derivation: src/ops/running-statistics.ts
// All tensors (C). One invocation per channel.
struct Sizes { C: u32, momentum: f32, N: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(1) var<storage, read_write> runningVariance: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn updateRunningStatistics(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let c = id.x + id.y * groups.x * WORKGROUP;
  if (c >= sizes.C) { return; }
  let momentum = sizes.momentum;
  let unbiased = variance[c] * (f32(sizes.N) / f32(sizes.N - 1));
  runningMean[c] = (1 - momentum) * runningMean[c] + momentum * mean[c];
  runningVariance[c] = (1 - momentum) * runningVariance[c] + momentum * unbiased;
}
