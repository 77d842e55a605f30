// requires: block-sum, column-reduction
// Derivation: src/ops/linear.ts
// db (O) = column sums of dy (N, O), the gradient of a bias. N is the batch size, or for conv2d the
// number of output pixels in the batch.
//
// Split reduction: the rows are split into S ranges, as many as `scratch` (S, O) has room for. A
// workgroup of COLUMNS × ROWS invocations sums COLUMNS columns of one split; row i of its invocations
// takes rows i, i + ROWS, … of the split. With several splits, a second pass sums them the same way.
override COLUMNS: u32 = 1; // every pass sets it
override ROWS: u32 = 1; // every pass sets it; a power of 2

alias Value = f32;

struct Sizes { N: u32, O: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> db: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(SCRATCH_BINDING) var<storage, read_write> scratch: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn columnSums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let o = group.x * COLUMNS + local.x;
  let split = group.y;
  let count = splitCount();
  // No early return: invocations beyond the last column take part in the barriers.
  let end = select(0, firstRow(split + 1, count, sizes.N), o < sizes.O);
  var sum = Sum();
  for (var n = firstRow(split, count, sizes.N) + local.y; n < end; n += ROWS) {
    sum = add(sum, dy[n * sizes.O + o]);
  }
  let total = sumOfColumn(valueOf(sum), local);
  if (local.y > 0 || o >= sizes.O) { return; }
  if (count == 1) {
    db[o] = total;
  } else {
    scratch[split * sizes.O + o] = total;
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn sumSplits(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let o = group.x * COLUMNS + local.x;
  let end = select(0, splitCount(), o < sizes.O);
  var sum = Sum();
  for (var split = local.y; split < end; split += ROWS) {
    sum = add(sum, scratch[split * sizes.O + o]);
  }
  let total = sumOfColumn(valueOf(sum), local);
  if (local.y == 0 && o < sizes.O) { db[o] = total; }
}

fn splitCount() -> u32 { return max(1, arrayLength(&scratch) / sizes.O); }
