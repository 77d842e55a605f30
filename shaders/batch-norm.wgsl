// Derivation: src/ops/batch-norm.ts
// x, y, dx, dy: N rows of C channels, row-major, dense; all else (C). Where ops have the same
// tensor at different bindings, its name here ends with the binding.
//
// Sums over the rows: a workgroup has COLUMNS channels of one part of the rows. Invocation (j, i) of
// it walks rows i, i + ROWS, … of channel j. There are as many parts as `parts` (P, C, 2) has room for;
// where there are several, a second pass puts them together, likewise. All else: an invocation per
// number. Behind columns.wgsl.
override WORKGROUP: u32 = 256;
override COLUMNS: u32 = 8;
override ROWS: u32 = 32; // a power of 2

alias Value = vec2f;

struct Sizes { N: u32, C: u32, epsilon: f32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> mean0: array<f32>;
@group(0) @binding(1) var<storage, read_write> variance1: array<f32>;
@group(0) @binding(2) var<storage, read> x2: array<f32>;

@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

// The corrected two-pass algorithm, whose variance cancels nothing. With μ known up to its
// rounding, d = x − μ and e = Σ d / N of the order of that rounding,
//
//   μ ← μ + e    v = Σ d² / N − e²
//
// Each part does so with its own rows, n of them, and leaves its mean m and its squares q = n v. The
// whole has
//
//   μ = Σ n m / N    v = Σ (q + n (m − μ)²) / N
//
// All means are counted from the channel's first x. They are small then, even where x is far from 0,
// so that the differences between them are not lost in their rounding.
//
// Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983.
@compute @workgroup_size(COLUMNS, ROWS)
fn batchNormStatistics(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let part = group.y;
  let begin = beginOfPart(part) + local.y;
  // No early return: those beyond the last channel take part in the barriers.
  let end = select(0, beginOfPart(part + 1), c < sizes.C);
  let origin = x2[min(c, sizes.C - 1)];
  var sum = 0.0;
  for (var n = begin; n < end; n += ROWS) { sum += x2[n * sizes.C + c] - origin; }
  let mean = sumOfColumn(vec2f(sum, 0), local).x / rowsOfPart(part);
  var deviations = vec2f();
  for (var n = begin; n < end; n += ROWS) {
    let d = x2[n * sizes.C + c] - origin - mean;
    deviations += vec2f(d, d * d);
  }
  let sums = sumOfColumn(deviations, local);
  let e = sums.x / rowsOfPart(part);
  if (local.y > 0 || c >= sizes.C) { return; }
  // Rounding alone could bring it below zero. Written so that NaN stays.
  let squares = sums.y - sums.x * e;
  let moments = vec2f(mean + e, select(squares, 0, squares < 0));
  if (partCount() == 1) {
    finishStatistics(c, moments);
  } else {
    leave(part, c, moments);
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn statisticsOfParts(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let end = select(0, partCount(), c < sizes.C);
  var sum = 0.0;
  for (var part = local.y; part < end; part += ROWS) { sum += rowsOfPart(part) * pairOf(part, c).x; }
  let mean = sumOfColumn(vec2f(sum, 0), local).x / f32(sizes.N);
  var squares = 0.0;
  for (var part = local.y; part < end; part += ROWS) {
    let moments = pairOf(part, c);
    let d = moments.x - mean;
    squares += moments.y + rowsOfPart(part) * d * d;
  }
  let total = sumOfColumn(vec2f(squares, 0), local).x;
  if (local.y == 0 && c < sizes.C) { finishStatistics(c, vec2f(mean, total)); }
}

fn finishStatistics(c: u32, moments: vec2f) {
  mean0[c] = x2[c] + moments.x;
  variance1[c] = moments.y / f32(sizes.N);
}

fn partCount() -> u32 { return max(1, arrayLength(&parts) / (2 * sizes.C)); }

fn beginOfPart(part: u32) -> u32 { return firstRow(part, partCount(), sizes.N); }

fn rowsOfPart(part: u32) -> f32 { return f32(beginOfPart(part + 1) - beginOfPart(part)); }

fn leave(part: u32, c: u32, pair: vec2f) {
  let at = 2 * (part * sizes.C + c);
  parts[at] = pair.x;
  parts[at + 1] = pair.y;
}

fn pairOf(part: u32, c: u32) -> vec2f {
  let at = 2 * (part * sizes.C + c);
  return vec2f(parts[at], parts[at + 1]);
}

struct Update { C: u32, momentum: f32, N: u32 }
@group(0) @binding(8) var<uniform> moving: Update;
@group(0) @binding(0) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(1) var<storage, read_write> runningVariance: array<f32>;
@group(0) @binding(2) var<storage, read> mean2: array<f32>;
@group(0) @binding(3) var<storage, read> variance3: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn batchNormUpdateStatistics(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let c = id.x + id.y * groups.x * WORKGROUP;
  if (c >= moving.C) { return; }
  let m = moving.momentum;
  let unbiased = variance3[c] * (f32(moving.N) / f32(moving.N - 1));
  runningMean[c] = (1 - m) * runningMean[c] + m * mean2[c];
  runningVariance[c] = (1 - m) * runningVariance[c] + m * unbiased;
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x1: array<f32>;
@group(0) @binding(4) var<storage, read> gamma4: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn batchNormForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.N * sizes.C) { return; }
  let c = i % sizes.C;
  let normalised = (x1[i] - mean2[c]) * inverseDeviation(variance3[c]);
  y[i] = gamma4[c] * normalised + beta[c];
}

// s
fn inverseDeviation(variance: f32) -> f32 {
  return 1 / sqrt(variance + sizes.epsilon);
}

@group(0) @binding(0) var<storage, read_write> dGamma0: array<f32>;
@group(0) @binding(1) var<storage, read_write> dBeta1: array<f32>;
@group(0) @binding(2) var<storage, read> dy2: array<f32>;
@group(0) @binding(3) var<storage, read> x3: array<f32>;
@group(0) @binding(4) var<storage, read> mean4: array<f32>;
@group(0) @binding(5) var<storage, read> variance5: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn batchNormBackwardParameters(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let part = group.y;
  let end = select(0, beginOfPart(part + 1), c < sizes.C);
  let mean = mean4[min(c, sizes.C - 1)];
  var gradients = vec2f();
  for (var n = beginOfPart(part) + local.y; n < end; n += ROWS) {
    let i = n * sizes.C + c;
    gradients += dy2[i] * vec2f(x3[i] - mean, 1);
  }
  let sums = sumOfColumn(gradients, local);
  if (local.y > 0 || c >= sizes.C) { return; }
  if (partCount() == 1) {
    finishGradients(c, sums);
  } else {
    leave(part, c, sums);
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn gradientsOfParts(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let end = select(0, partCount(), c < sizes.C);
  var gradients = vec2f();
  for (var part = local.y; part < end; part += ROWS) { gradients += pairOf(part, c); }
  let sums = sumOfColumn(gradients, local);
  if (local.y == 0 && c < sizes.C) { finishGradients(c, sums); }
}

fn finishGradients(c: u32, sums: vec2f) {
  dGamma0[c] = sums.x * inverseDeviation(variance5[c]);
  dBeta1[c] = sums.y;
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy1: array<f32>;
@group(0) @binding(3) var<storage, read> mean3: array<f32>;
@group(0) @binding(4) var<storage, read> variance4: array<f32>;
@group(0) @binding(5) var<storage, read> gamma5: array<f32>;
@group(0) @binding(6) var<storage, read> dGamma6: array<f32>;
@group(0) @binding(7) var<storage, read> dBeta7: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn batchNormBackwardInput(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.N * sizes.C) { return; }
  let c = i % sizes.C;
  let s = inverseDeviation(variance4[c]);
  let normalised = (x2[i] - mean3[c]) * s;
  dx[i] = gamma5[c] * s * (dy1[i] - (dBeta7[c] + normalised * dGamma6[c]) / f32(sizes.N));
}
