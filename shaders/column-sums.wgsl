// Derivation: src/ops/linear.ts
// db (O) = column sums of dy (N, O), the gradient of a bias; N is the batch, or its pixels in conv2d.
//
// The rows are cut into as many parts as `parts` (P, O) has room for. A workgroup sums COLUMNS columns
// of one part: each of its ROWS rows of invocations takes every ROWS-th row of dy, and a tree in
// workgroup memory adds them up. Where there are several parts, a second pass adds those.
override COLUMNS: u32 = 16;
override ROWS: u32 = 16;
/// Invocations of a workgroup that adds up parts.
override WORKGROUP: u32 = 256;

struct Sizes { N: u32, O: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> db: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

override TILE_SIZE: u32 = ROWS * COLUMNS;
/// [row][column]
var<workgroup> sums: array<f32, TILE_SIZE>;

@compute @workgroup_size(COLUMNS, ROWS)
fn columnSums(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let o = id.x * COLUMNS + local.x;
  let part = id.y;
  let rowsOfPart = (sizes.N + partCount() - 1) / partCount();
  let begin = part * rowsOfPart;
  let end = min(sizes.N, begin + rowsOfPart);
  var sum = 0.0;
  if (o < sizes.O) {
    for (var n = begin + local.y; n < end; n += ROWS) { sum += dy[n * sizes.O + o]; }
  }
  let at = local.y * COLUMNS + local.x;
  sums[at] = sum;
  for (var rows = ROWS / 2; rows > 0; rows /= 2) {
    workgroupBarrier();
    if (local.y < rows) { sums[at] += sums[at + rows * COLUMNS]; }
  }
  if (local.y > 0 || o >= sizes.O) { return; }
  if (partCount() == 1) {
    db[o] = sums[at];
  } else {
    parts[part * sizes.O + o] = sums[at];
  }
}

@compute @workgroup_size(WORKGROUP)
fn sumOfParts(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let o = id.x + id.y * workgroups.x * WORKGROUP;
  if (o >= sizes.O) { return; }
  let count = partCount();
  var sum = parts[o];
  for (var part = 1u; part < count; part++) { sum += parts[part * sizes.O + o]; }
  db[o] = sum;
}

fn partCount() -> u32 { return max(1, arrayLength(&parts) / sizes.O); }
