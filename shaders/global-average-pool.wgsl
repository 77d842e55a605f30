// requires: block-sum, column-reduction
// Derivation: src/ops/global-average-pool.ts
// x, dx (B, P, C) and y, dy (B, C); row-major, dense.
//
// Forward, a workgroup computes COLUMNS elements of y; its invocation (j, i) sums pixels i, i + ROWS, …
// of element j. Backward, each invocation computes one element of dx.
override COLUMNS: u32 = 1; // the forward pass sets it
override ROWS: u32 = 1; // the forward pass sets it; a power of 2

alias Value = f32;

struct Sizes { B: u32, P: u32, C: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn globalAveragePoolForward(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = (group.x + group.y * groups.x) * COLUMNS + local.x;
  let first = i / sizes.C * sizes.P * sizes.C + i % sizes.C;
  // No early return: invocations beyond the last element take part in the barriers.
  let end = select(0, sizes.P, i < sizes.B * sizes.C);
  var sum = Sum();
  for (var p = local.y; p < end; p += ROWS) {
    sum = add(sum, x[first + p * sizes.C]);
  }
  let total = sumOfColumn(valueOf(sum), local);
  if (local.y == 0 && i < sizes.B * sizes.C) { y[i] = total / f32(sizes.P); }
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
