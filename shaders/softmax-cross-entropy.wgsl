// Derivation: src/ops/softmax-cross-entropy.ts
// logits z (B, C), probabilities p (B, C), gradient dz (B, C), targets t (B) below C, loss L (1);
// row-major, dense. Behind exp.wgsl, logarithm.wgsl and sum.wgsl.
//
// A workgroup makes ROWS rows of p, with COLUMNS invocations to a row, which walk columns j,
// j + COLUMNS, …; trees in workgroup memory find the row's maximum and sum. The loss, which needs
// all rows, is one more workgroup's: its invocations walk rows of their own.
override COLUMNS: u32 = 4; // a power of 2
override ROWS: u32 = 64; // a power of 2
override WORKGROUP: u32 = ROWS * COLUMNS;

struct Sizes { B: u32, C: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

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
  probabilities(group.x + group.y * groups.x, i);
}

@compute @workgroup_size(WORKGROUP)
fn softmaxCrossEntropyForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let number = group.x + group.y * groups.x;
  if (number == 0) {
    meanLoss(i);
  } else {
    probabilities(number - 1, i);
  }
}

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

// Rows ROWS · block … of p.
fn probabilities(block: u32, i: u32) {
  let n = block * ROWS + i / COLUMNS;
  let begin = n * sizes.C + i % COLUMNS;
  // No early return: those beyond the last row take part in the barriers.
  let end = select(0, (n + 1) * sizes.C, n < sizes.B);
  var largest = LOWEST;
  for (var at = begin; at < end; at += COLUMNS) { largest = larger(largest, z[at]); }
  let maximum = maximumOfRow(largest, i);
  var sum = 0.0;
  for (var at = begin; at < end; at += COLUMNS) {
    let e = preciseExp(z[at] - maximum);
    p[at] = e;
    sum += e;
  }
  let S = sumOfRow(sum, i);
  for (var at = begin; at < end; at += COLUMNS) { p[at] /= S; }
}

fn meanLoss(i: u32) {
  var sum = Sum();
  for (var n = i; n < sizes.B; n += WORKGROUP) { sum = add(sum, shareOf(n)); }
  let total = sumOfWorkgroup(sum.value, i);
  if (i == 0) { L[0] = total; }
}

// −log softmax(z)[t] of row n, over B: the sum of losses that are just finite would not be.
fn shareOf(n: u32) -> f32 {
  let begin = n * sizes.C;
  let end = begin + sizes.C;
  var maximum = LOWEST;
  for (var at = begin; at < end; at++) { maximum = larger(maximum, z[at]); }
  var S = 0.0;
  for (var at = begin; at < end; at++) { S += preciseExp(z[at] - maximum); }
  let logit = z[begin + t[n]];
  let B = f32(sizes.B);
  // Nor would the difference of the largest numbers.
  let isHuge = max(abs(logit), abs(maximum)) > 1e38;
  let distance = select((logit - maximum) / B, logit / B - maximum / B, isHuge);
  return preciseLog(S) / B - distance;
}

// Passes over a NaN in b, which the sum of e^z then meets.
fn larger(a: f32, b: f32) -> f32 {
  return select(a, b, b > a);
}

// The largest of the values of a row's invocations, the same for all of them.
fn maximumOfRow(value: f32, i: u32) -> f32 {
  partials[i] = value;
  for (var half = COLUMNS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i % COLUMNS < half) { partials[i] = larger(partials[i], partials[i + half]); }
  }
  return firstOfRow(i);
}

// Σ of the values of a row's invocations, the same for all of them.
fn sumOfRow(value: f32, i: u32) -> f32 {
  partials[i] = value;
  for (var half = COLUMNS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i % COLUMNS < half) { partials[i] += partials[i + half]; }
  }
  return firstOfRow(i);
}

fn firstOfRow(i: u32) -> f32 {
  workgroupBarrier();
  let first = partials[i - i % COLUMNS];
  // The next call may write only when all have read.
  workgroupBarrier();
  return first;
}
