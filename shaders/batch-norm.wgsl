// Derivation: src/ops/batch-norm.ts
// x, y, dx, dy: N rows of C channels, row-major, dense; all else (C). Where ops have the same
// tensor at different bindings, its name here ends with the binding.
//
// Sums over the rows: a workgroup has COLUMNS channels, side by side so that what it reads of a row
// is in one piece of memory. Invocation (j, i) walks rows i, i + ROWS, … of channel j; a tree in
// workgroup memory then adds up the ROWS sums of each channel. All else: an invocation per number.
override WORKGROUP: u32 = 256;
override COLUMNS: u32 = 8;
override ROWS: u32 = 32; // a power of 2

struct Sizes { N: u32, C: u32, epsilon: f32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> mean0: array<f32>;
@group(0) @binding(1) var<storage, read_write> variance1: array<f32>;
@group(0) @binding(2) var<storage, read> x2: array<f32>;

// The corrected two-pass algorithm, whose variance cancels nothing. With μ known up to its
// rounding, d = x − μ and e = Σ d / N of the order of that rounding,
//
//   μ ← μ + e    v = Σ d² / N − e²
//
// Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983.
@compute @workgroup_size(COLUMNS, ROWS)
fn batchNormStatistics(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  // No early return: those beyond the last channel take part in the barriers.
  let rows = select(0, sizes.N, c < sizes.C);
  let N = f32(sizes.N);
  var sum = 0.0;
  for (var n = local.y; n < rows; n += ROWS) { sum += x2[n * sizes.C + c]; }
  let mean = columnSums(vec2f(sum, 0), local).x / N;
  var deviations = vec2f();
  for (var n = local.y; n < rows; n += ROWS) {
    let d = x2[n * sizes.C + c] - mean;
    deviations += vec2f(d, d * d);
  }
  let means = columnSums(deviations, local) / N;
  if (local.y > 0 || c >= sizes.C) { return; }
  mean0[c] = mean + means.x;
  let variance = means.y - means.x * means.x;
  // Rounding alone could bring it below zero. Written so that NaN stays.
  variance1[c] = select(variance, 0, variance < 0);
}

var<workgroup> partials: array<vec2f, COLUMNS * ROWS>;

// Σ of the values of a column's invocations, the same for all of them.
fn columnSums(value: vec2f, local: vec3u) -> vec2f {
  let at = local.y * COLUMNS + local.x;
  partials[at] = value;
  for (var half = ROWS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local.y < half) { partials[at] += partials[at + half * COLUMNS]; }
  }
  workgroupBarrier();
  let sums = partials[local.x];
  // The next call may write only when all have read.
  workgroupBarrier();
  return sums;
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
  let rows = select(0, sizes.N, c < sizes.C);
  let mean = mean4[min(c, sizes.C - 1)];
  var gradients = vec2f();
  for (var n = local.y; n < rows; n += ROWS) {
    let i = n * sizes.C + c;
    gradients += dy2[i] * vec2f(x3[i] - mean, 1);
  }
  let sums = columnSums(gradients, local);
  if (local.y > 0 || c >= sizes.C) { return; }
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
