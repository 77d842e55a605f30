// Derivation: src/ops/linear.ts
// db (O) = column sums of dy (N, O), the gradient of a bias; N is the batch, or its pixels in conv2d.
// Behind columns.wgsl.
//
// The rows are cut into as many parts as `parts` (P, O) has room for. A workgroup sums COLUMNS columns
// of one part: each of its ROWS rows of invocations takes every ROWS-th row of dy. Where there are
// several parts, a second pass adds those, likewise.
override COLUMNS: u32 = 16;
override ROWS: u32 = 16; // a power of 2

alias Value = f32;

struct Sizes { N: u32, O: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> db: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn columnSums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let o = group.x * COLUMNS + local.x;
  let part = group.y;
  let count = partCount();
  // No early return: those beyond the last column take part in the barriers.
  let end = select(0, firstRow(part + 1, count, sizes.N), o < sizes.O);
  var sum = 0.0;
  for (var n = firstRow(part, count, sizes.N) + local.y; n < end; n += ROWS) {
    sum += dy[n * sizes.O + o];
  }
  let total = sumOfColumn(sum, local);
  if (local.y > 0 || o >= sizes.O) { return; }
  if (count == 1) {
    db[o] = total;
  } else {
    parts[part * sizes.O + o] = total;
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn sumOfParts(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let o = group.x * COLUMNS + local.x;
  let end = select(0, partCount(), o < sizes.O);
  var sum = 0.0;
  for (var part = local.y; part < end; part += ROWS) { sum += parts[part * sizes.O + o]; }
  let total = sumOfColumn(sum, local);
  if (local.y == 0 && o < sizes.O) { db[o] = total; }
}

fn partCount() -> u32 { return max(1, arrayLength(&parts) / sizes.O); }
