// requires: block-sum, channel-sums, column-reduction, rounded, tree-reduction
// Derivation: src/ops/layer-norm.ts
// x, y, dx, dy: N rows of C features; row-major, dense. mean, rstd (N); all other tensors (C). A tensor
// that ops have at different bindings has the binding as a suffix of its name.
//
// y and dx: a workgroup computes ROWS rows, with COLUMNS invocations per row: invocation j walks features
// j, j + COLUMNS, …. ROWS × COLUMNS = WORKGROUP.
//
// dγ and dβ are sums over the rows, in split reductions: channel-sums.wgsl, whose channels are the
// features.
override COLUMNS: u32 = 1; // every pass sets it; a power of 2
override ROWS: u32 = WORKGROUP; // every pass sets it; a power of 2

struct Forward { N: u32, C: u32, epsilon: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> forward: Forward;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean1: array<f32>;
@group(0) @binding(2) var<storage, read_write> rstd2: array<f32>;
@group(0) @binding(3) var<storage, read> x3: array<f32>;
@group(0) @binding(4) var<storage, read> gamma4: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn layerNormForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let row = rowOf(group.x + group.y * groups.x, i, forward.N, forward.C);
  // Differences from the first feature: in a sum of large numbers, they would be rounded away.
  let origin = x3[min(row.n, forward.N - 1) * forward.C];
  var sum = Sum();
  for (var at = row.begin; at < row.end; at += COLUMNS) {
    sum = add(sum, vec2f(rounded(x3[at] - origin), 0));
  }
  let shift = sumOfRow(valueOf(sum).x, i, COLUMNS) / f32(forward.C);
  var squares = Sum();
  for (var at = row.begin; at < row.end; at += COLUMNS) {
    let d = rounded(x3[at] - origin) - shift;
    squares = add(squares, vec2f(d * d, 0));
  }
  let variance = sumOfRow(valueOf(squares).x, i, COLUMNS) / f32(forward.C);
  let rstd = 1 / sqrt(variance + forward.epsilon);
  for (var at = row.begin; at < row.end; at += COLUMNS) {
    let c = at % forward.C;
    y[at] = gamma4[c] * ((rounded(x3[at] - origin) - shift) * rstd) + beta[c];
  }
  if (i % COLUMNS == 0 && row.n < forward.N) {
    mean1[row.n] = origin + shift;
    rstd2[row.n] = rstd;
  }
}

// Row n, and the elements of it that an invocation walks: begin, begin + COLUMNS, … below end.
struct Row { n: u32, begin: u32, end: u32 }

fn rowOf(block: u32, i: u32, N: u32, C: u32) -> Row {
  let n = block * ROWS + i / COLUMNS;
  // No early return: invocations beyond the last row take part in the barriers.
  let end = select(0, (n + 1) * C, n < N);
  return Row(n, n * C + i % COLUMNS, end);
}

struct Sizes { N: u32, C: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> dGamma: array<f32>;
@group(0) @binding(1) var<storage, read_write> dBeta: array<f32>;
@group(0) @binding(2) var<storage, read> dy2: array<f32>;
@group(0) @binding(4) var<storage, read> mean4: array<f32>;
@group(0) @binding(5) var<storage, read> rstd5: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn layerNormBackwardParameters(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let split = group.y;
  let count = splitCount();
  // No early return: invocations beyond the last feature take part in the barriers.
  let end = select(0, firstRow(split + 1, count, sizes.N), c < sizes.C);
  var gradients = Sum();
  for (var n = firstRow(split, count, sizes.N) + local.y; n < end; n += ROWS) {
    let at = n * sizes.C + c;
    gradients = add(gradients, dy2[at] * vec2f((x3[at] - mean4[n]) * rstd5[n], 1));
  }
  reduceGradients(gradients, split, c, local);
}

fn finishGradients(c: u32, sums: vec2f) {
  dGamma[c] = sums.x;
  dBeta[c] = sums.y;
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy1: array<f32>;
@group(0) @binding(2) var<storage, read> x2: array<f32>;
@group(0) @binding(3) var<storage, read> mean3: array<f32>;
@group(0) @binding(4) var<storage, read> rstd4: array<f32>;
@group(0) @binding(5) var<storage, read> gamma5: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn layerNormBackwardInput(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let row = rowOf(group.x + group.y * groups.x, i, sizes.N, sizes.C);
  let mean = mean3[min(row.n, sizes.N - 1)];
  let rstd = rstd4[min(row.n, sizes.N - 1)];
  var sums = Sum();
  for (var at = row.begin; at < row.end; at += COLUMNS) {
    let d = gamma5[at % sizes.C] * dy1[at];
    sums = add(sums, vec2f(d, d * ((x2[at] - mean) * rstd)));
  }
  let sum = valueOf(sums);
  let meanOfGradient = sumOfRow(sum.x, i, COLUMNS) / f32(sizes.C);
  let meanAlong = sumOfRow(sum.y, i, COLUMNS) / f32(sizes.C);
  for (var at = row.begin; at < row.end; at += COLUMNS) {
    let d = gamma5[at % sizes.C] * dy1[at];
    dx[at] = rstd * (d - meanOfGradient - (x2[at] - mean) * rstd * meanAlong);
  }
}
