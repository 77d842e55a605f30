// requires: block-sum, exp, log, rounded, split-reduction, tree-reduction, workgroup-reduction
// Derivation: src/ops/softmax-cross-entropy.ts
// logits z (B, C), probabilities p (B, C), gradient dz (B, C), targets t (B) below C, loss L (1);
// row-major, dense.
//
// A workgroup computes ROWS rows of p, with COLUMNS invocations per row: invocation j walks columns j,
// j + COLUMNS, …. Then it sums the losses of its rows. ROWS × COLUMNS = WORKGROUP.
override COLUMNS: u32 = 1; // the forward passes set it; a power of 2
override ROWS: u32 = WORKGROUP; // the forward passes set it; a power of 2

struct Sizes { B: u32, C: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> L: array<f32>;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read> t: array<u32>;

@group(0) @binding(0) var<storage, read_write> dz: array<f32>;
@group(0) @binding(1) var<storage, read> pRead: array<f32>;

const LOWEST: f32 = -0x1.fffffep127;

@compute @workgroup_size(WORKGROUP)
fn softmaxForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  probabilities(rowOf(group.x + group.y * groups.x, i), i);
}

@compute @workgroup_size(WORKGROUP)
fn softmaxCrossEntropyForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let split = group.x + group.y * groups.x;
  let n = rowOf(split, i);
  let row = probabilities(n, i);
  var loss = 0.0;
  if (i % COLUMNS == 0 && n < sizes.B) { loss = lossOf(n, row); }
  reduceSplit(loss, split, i);
}

fn finish(total: f32) { L[0] = total; }

@compute @workgroup_size(WORKGROUP)
fn softmaxCrossEntropyBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.B * sizes.C) { return; }
  let onehot = select(0.0, 1, t[i / sizes.C] == i % sizes.C);
  dz[i] = (pRead[i] - onehot) / f32(sizes.B);
}

fn rowOf(block: u32, i: u32) -> u32 { return block * ROWS + i / COLUMNS; }

// The maximum of a row of logits, and S = Σ exp(z − maximum).
struct Row { maximum: f32, S: f32 }

// Computes row n of p. Each exponential is computed twice, so that p is written once and never read.
fn probabilities(n: u32, i: u32) -> Row {
  let begin = n * sizes.C + i % COLUMNS;
  // No early return: invocations beyond the last row take part in the barriers.
  let end = select(0, (n + 1) * sizes.C, n < sizes.B);
  var largest = LOWEST;
  for (var at = begin; at < end; at += COLUMNS) { largest = larger(largest, z[at]); }
  let maximum = maximumOfLogits(largest, i);
  var sum = Sum();
  for (var at = begin; at < end; at += COLUMNS) {
    sum = add(sum, preciseExp(z[at] - maximum));
  }
  let S = sumOfExponentials(valueOf(sum), i);
  for (var at = begin; at < end; at += COLUMNS) { p[at] = preciseExp(z[at] - maximum) / S; }
  return Row(maximum, S);
}

// Ignores a NaN in b; the sum of exponentials propagates it.
fn larger(a: f32, b: f32) -> f32 {
  return select(a, b, b > a);
}

fn maximumOfLogits(value: f32, i: u32) -> f32 {
  if (ROWS == 1) { return maximumOfWorkgroup(value, i); }
  return maximumOfRow(value, i, COLUMNS);
}

fn sumOfExponentials(value: f32, i: u32) -> f32 {
  if (ROWS == 1) { return sumOfWorkgroup(value, i); }
  return sumOfRow(value, i, COLUMNS);
}

// −log softmax(z)[t] of row n, divided by B before it is summed: the sum of large losses could overflow.
fn lossOf(n: u32, row: Row) -> f32 {
  let logit = z[n * sizes.C + t[n]];
  let B = f32(sizes.B);
  // The difference of the largest finite numbers could overflow as well.
  let isHuge = max(abs(logit), abs(row.maximum)) > 1e38;
  let distance = select((logit - row.maximum) / B, rounded(logit / B) - rounded(row.maximum / B), isHuge);
  return preciseLog(row.S) / B - distance;
}
