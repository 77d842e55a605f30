// requires: block-sum, channel-sums, column-reduction, rounded, workgroup-reduction
// Derivation: src/ops/group-norm.ts
// x, y, dx, dy: B images of P pixels of C channels; row-major, dense. mean, rstd (B, G); all other
// tensors (C). A tensor that ops have at different bindings has the binding as a suffix of its name.
//
// y and dx: a workgroup computes one group of one image. Its invocations walk the M = P C/G numbers with
// a stride of WORKGROUP.
//
// dγ and dβ are sums over the B P rows of x, in split reductions: channel-sums.wgsl.
override COLUMNS: u32 = 1; // every pass that sums rows sets it
override ROWS: u32 = 1; // every pass that sums rows sets it; a power of 2

struct Forward { B: u32, P: u32, C: u32, epsilon: f32, groups: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> forward: Forward;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean1: array<f32>;
@group(0) @binding(2) var<storage, read_write> rstd2: array<f32>;
@group(0) @binding(3) var<storage, read> x3: array<f32>;
@group(0) @binding(4) var<storage, read> gamma4: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn groupNormForward(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  // A dispatch in two axes may have more workgroups than groups.
  if (group >= forward.B * forward.groups) { return; }
  let numbers = groupOf(group, forward.P, forward.C, forward.groups);
  // Differences from the first number: in a sum of large numbers, they would be rounded away.
  let origin = x3[placeOf(numbers, 0)];
  var sum = Sum();
  for (var k = i; k < numbers.M; k += WORKGROUP) {
    sum = add(sum, vec2f(rounded(x3[placeOf(numbers, k)] - origin), 0));
  }
  let shift = sumOfWorkgroup(valueOf(sum).x, i) / f32(numbers.M);
  var squares = Sum();
  for (var k = i; k < numbers.M; k += WORKGROUP) {
    let d = rounded(x3[placeOf(numbers, k)] - origin) - shift;
    squares = add(squares, vec2f(d * d, 0));
  }
  let variance = sumOfWorkgroup(valueOf(squares).x, i) / f32(numbers.M);
  let rstd = 1 / sqrt(variance + forward.epsilon);
  for (var k = i; k < numbers.M; k += WORKGROUP) {
    let at = placeOf(numbers, k);
    let c = at % forward.C;
    y[at] = gamma4[c] * ((rounded(x3[at] - origin) - shift) * rstd) + beta[c];
  }
  if (i == 0) {
    mean1[group] = origin + shift;
    rstd2[group] = rstd;
  }
}

// The M numbers of a group: D channels of every pixel, the first of which is at `first`.
struct Group { first: u32, D: u32, C: u32, M: u32 }

fn groupOf(group: u32, P: u32, C: u32, G: u32) -> Group {
  let D = C / G;
  return Group(group / G * P * C + group % G * D, D, C, P * D);
}

// Index of number k of a group: pixel k / D, channel k % D of the group.
fn placeOf(group: Group, k: u32) -> u32 {
  return group.first + k / group.D * group.C + k % group.D;
}

struct Sizes { B: u32, P: u32, C: u32, G: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> dGamma: array<f32>;
@group(0) @binding(1) var<storage, read_write> dBeta: array<f32>;
@group(0) @binding(2) var<storage, read> dy2: array<f32>;
@group(0) @binding(4) var<storage, read> mean4: array<f32>;
@group(0) @binding(5) var<storage, read> rstd5: array<f32>;

@compute @workgroup_size(COLUMNS, ROWS)
fn groupNormBackwardParameters(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) workgroup: vec3u,
) {
  let c = workgroup.x * COLUMNS + local.x;
  let split = workgroup.y;
  let count = splitCount();
  let rows = sizes.B * sizes.P;
  // No early return: invocations beyond the last channel take part in the barriers.
  let end = select(0, firstRow(split + 1, count, rows), c < sizes.C);
  let g = c / (sizes.C / sizes.G);
  var gradients = Sum();
  for (var row = firstRow(split, count, rows) + local.y; row < end; row += ROWS) {
    let at = row * sizes.C + c;
    let group = row / sizes.P * sizes.G + g;
    gradients = add(gradients, dy2[at] * vec2f((x3[at] - mean4[group]) * rstd5[group], 1));
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
fn groupNormBackwardInput(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  if (group >= sizes.B * sizes.G) { return; }
  let numbers = groupOf(group, sizes.P, sizes.C, sizes.G);
  let mean = mean3[group];
  let rstd = rstd4[group];
  var sums = Sum();
  for (var k = i; k < numbers.M; k += WORKGROUP) {
    let at = placeOf(numbers, k);
    let d = gamma5[at % sizes.C] * dy1[at];
    sums = add(sums, vec2f(d, d * ((x2[at] - mean) * rstd)));
  }
  let sum = valueOf(sums);
  let meanOfGradient = sumOfWorkgroup(sum.x, i) / f32(numbers.M);
  let meanAlong = sumOfWorkgroup(sum.y, i) / f32(numbers.M);
  for (var k = i; k < numbers.M; k += WORKGROUP) {
    let at = placeOf(numbers, k);
    let d = gamma5[at % sizes.C] * dy1[at];
    dx[at] = rstd * (d - meanOfGradient - (x2[at] - mean) * rstd * meanAlong);
  }
}
