// requires: block-sum, channel-sums, column-reduction, rounded
// Derivation: src/ops/batch-norm.ts
// x, y, dx, dy: N rows of C channels; row-major, dense. All other tensors (C). A tensor that ops have
// at different bindings has the binding as a suffix of its name.
//
// Sums over the rows are split reductions: channel-sums.wgsl. In all other passes each invocation
// computes one element.
override COLUMNS: u32 = 1; // every pass that reduces sets it
override ROWS: u32 = 1; // every pass that reduces sets it; a power of 2

struct Sizes { N: u32, C: u32, epsilon: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> mean0: array<f32>;
@group(0) @binding(1) var<storage, read_write> variance1: array<f32>;
@group(0) @binding(2) var<storage, read> x2: array<f32>;

// The corrected two-pass algorithm, which avoids cancellation in the variance. Given the mean up to
// rounding, with d = x − mean and e = Σ d / N, where e has the magnitude of that rounding:
//
//   mean ← mean + e    variance = Σ d² / N − e²
//
// Split s computes the mean and the sum of squares q[s] = Σ (x − mean[s])² of its N[s] rows. Combined:
//
//   mean = Σ N[s] mean[s] / N    variance = Σ (q[s] + N[s] (mean[s] − mean)²) / N
//
// All means are relative to the channel's first x. They are small even where x is far from 0, so that
// rounding does not swamp the differences between them.
//
// Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983.
@compute @workgroup_size(COLUMNS, ROWS)
fn batchNormStatistics(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let split = group.y;
  let begin = beginOfSplit(split) + local.y;
  // No early return: invocations beyond the last channel take part in the barriers.
  let end = select(0, beginOfSplit(split + 1), c < sizes.C);
  let origin = x2[min(c, sizes.C - 1)];
  var sum = Sum();
  for (var n = begin; n < end; n += ROWS) {
    sum = add(sum, vec2f(rounded(x2[n * sizes.C + c] - origin), 0));
  }
  let mean = sumOfColumn(valueOf(sum), local).x / rowsOfSplit(split);
  var deviations = Sum();
  for (var n = begin; n < end; n += ROWS) {
    let d = rounded(x2[n * sizes.C + c] - origin) - mean;
    deviations = add(deviations, vec2f(d, d * d));
  }
  let sums = sumOfColumn(valueOf(deviations), local);
  let e = sums.x / rowsOfSplit(split);
  if (local.y > 0 || c >= sizes.C) { return; }
  // Rounding alone could make this negative. The select propagates NaN.
  let squares = sums.y - sums.x * e;
  let moments = vec2f(mean + e, select(squares, 0, squares < 0));
  if (splitCount() == 1) {
    finishStatistics(c, moments);
  } else {
    storePair(split, c, moments);
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn combineStatistics(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let end = select(0, splitCount(), c < sizes.C);
  var sum = Sum();
  for (var split = local.y; split < end; split += ROWS) {
    sum = add(sum, vec2f(rowsOfSplit(split) * loadPair(split, c).x, 0));
  }
  let mean = sumOfColumn(valueOf(sum), local).x / f32(sizes.N);
  var squares = Sum();
  for (var split = local.y; split < end; split += ROWS) {
    let moments = loadPair(split, c);
    let d = moments.x - mean;
    squares = add(squares, vec2f(moments.y + rowsOfSplit(split) * d * d, 0));
  }
  let total = sumOfColumn(valueOf(squares), local).x;
  if (local.y == 0 && c < sizes.C) { finishStatistics(c, vec2f(mean, total)); }
}

fn finishStatistics(c: u32, moments: vec2f) {
  mean0[c] = x2[c] + moments.x;
  variance1[c] = moments.y / f32(sizes.N);
}

fn beginOfSplit(split: u32) -> u32 { return firstRow(split, splitCount(), sizes.N); }

fn rowsOfSplit(split: u32) -> f32 { return f32(beginOfSplit(split + 1) - beginOfSplit(split)); }

@group(0) @binding(2) var<storage, read> mean2: array<f32>;
@group(0) @binding(3) var<storage, read> variance3: array<f32>;
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
  let normalised = (x1[i] - mean2[c]) * rstdOf(variance3[c]);
  y[i] = gamma4[c] * normalised + beta[c];
}

fn rstdOf(variance: f32) -> f32 {
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
  let split = group.y;
  let end = select(0, beginOfSplit(split + 1), c < sizes.C);
  let mean = mean4[min(c, sizes.C - 1)];
  var gradients = Sum();
  for (var n = beginOfSplit(split) + local.y; n < end; n += ROWS) {
    let i = n * sizes.C + c;
    gradients = add(gradients, dy2[i] * vec2f(x3[i] - mean, 1));
  }
  reduceGradients(gradients, split, c, local);
}

fn finishGradients(c: u32, sums: vec2f) {
  dGamma0[c] = sums.x * rstdOf(variance5[c]);
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
  let rstd = rstdOf(variance4[c]);
  let normalised = (x2[i] - mean3[c]) * rstd;
  dx[i] = gamma5[c] * rstd * (dy1[i] - (dBeta7[c] + normalised * dGamma6[c]) / f32(sizes.N));
}
