// Derivation: src/ops/global-average-pool.ts
// x, dx (B, P, C) and y, dy (B, C), row-major, dense. An invocation per number: of y forward, where
// it walks the pixels, of dx backward.
override WORKGROUP: u32 = 256;

struct Sizes { B: u32, P: u32, C: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn globalAveragePoolForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.B * sizes.C) { return; }
  let first = i / sizes.C * sizes.P * sizes.C + i % sizes.C;
  var sum = 0.0;
  for (var p = 0u; p < sizes.P; p++) { sum += x[first + p * sizes.C]; }
  y[i] = sum / f32(sizes.P);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn globalAveragePoolBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.B * sizes.P * sizes.C) { return; }
  let n = i / (sizes.P * sizes.C);
  dx[i] = dy[n * sizes.C + i % sizes.C] / f32(sizes.P);
}
