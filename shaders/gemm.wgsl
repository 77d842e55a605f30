// Derivation: src/ops/matmul.ts
//
//   C (M, G, N) = A·B + bias, for each of G groups by itself
//
// The tile loop of every product. It is compiled behind a file that tells what A and B hold, and so
// which product it is (matrices.wgsl or conv2d.wgsl, see src/backends/webgpu/shaders.ts):
//
//   shapeOf()             M, N, K and G, which is 1 but for convolutions of several groups
//   rowOf(m), depthOf(k)  Lines: what is known of a row and of a column of A before they meet
//   loadA(row, depth)     A[m, k]
//   loadB(k, n)           B[k, n]
//
// A workgroup of SIDE × SIDE invocations computes a tile of C, 4·SIDE rows and columns, each
// invocation 4 × 4 elements of it in registers, while K passes by in steps of SIDE:
//
//                          tileB   SIDE depths of 4·SIDE columns
//   tileA                  C tile
//   SIDE depths of 4·SIDE
//   rows
//
// For each step an invocation loads four elements of A and four of B, while it multiplies those of the
// step before, and hands them to the others through workgroup memory. Neighbouring invocations load
// neighbouring elements: along K where a row of A, or with TRANSPOSE_B a column of B, lies in one
// piece, and across K otherwise.
//
// Where C has few tiles and K is long, K is cut into as many parts as `parts` (P, M, G, N) has room for;
// each is summed there by workgroups of its own, and a second pass adds them up. Every element is thus
// summed in an order that the shapes alone decide.
//
// Rows and columns beyond the edge repeat the last one, and are not stored. The caller guarantees
// M, N, K, G ≥ 1, and as many workgroups as there are tiles, in x and y, or more.
override SIDE: u32 = 16;
/// A is stored as (K, M).
override TRANSPOSE_A: bool = false;
/// B is stored as (N, K).
override TRANSPOSE_B: bool = false;
/// Invocations of a workgroup that adds up parts.
override WORKGROUP: u32 = 256;

struct Shape { M: u32, N: u32, K: u32, G: u32 }

@group(0) @binding(0) var<storage, read_write> C: array<f32>;
@group(0) @binding(1) var<storage, read> A: array<f32>;
@group(0) @binding(2) var<storage, read> B: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

/// One element more than SIDE: invocations that walk along K then write to different banks.
override STRIDE: u32 = SIDE + 1;
override TILE_SIZE: u32 = SIDE * STRIDE;
/// [depth][row of four, STRIDE]
var<workgroup> tileA: array<vec4f, TILE_SIZE>;
/// [depth][column of four, STRIDE]
var<workgroup> tileB: array<vec4f, TILE_SIZE>;

/// The group whose product is computed.
var<private> group: u32;

/// What one invocation computes: four rows from m, each of four columns from n.
struct Result { part: u32, m: u32, n: u32, rows: array<vec4f, 4> }

@compute @workgroup_size(SIDE, SIDE)
fn product(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  store(multiply(tile, local.xy));
}

@compute @workgroup_size(SIDE, SIDE)
fn productWithBias(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  var result = multiply(tile, local.xy);
  let N = shapeOf().N;
  let n = group * N + min(result.n + vec4u(0, 1, 2, 3), vec4u(N - 1));
  let added = vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
  result.rows[0] += added;
  result.rows[1] += added;
  result.rows[2] += added;
  result.rows[3] += added;
  store(result);
}

@compute @workgroup_size(WORKGROUP)
fn sumOfParts(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let i = id.x + id.y * workgroups.x * WORKGROUP;
  if (i >= resultSize()) { return; }
  C[i] = partSum(i);
}

@compute @workgroup_size(WORKGROUP)
fn sumOfPartsWithBias(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let i = id.x + id.y * workgroups.x * WORKGROUP;
  if (i >= resultSize()) { return; }
  let shape = shapeOf();
  C[i] = partSum(i) + bias[i % (shape.G * shape.N)];
}

/// Tiles are counted along a row of C first, then down its rows, groups and parts.
fn tileCount() -> u32 {
  let shape = shapeOf();
  return tilesAlong(shape.N) * tilesAlong(shape.M) * shape.G * partCount();
}

fn tilesAlong(extent: u32) -> u32 { return (extent + 4 * SIDE - 1) / (4 * SIDE); }

fn resultSize() -> u32 {
  let shape = shapeOf();
  return shape.M * shape.G * shape.N;
}

fn partCount() -> u32 { return max(1, arrayLength(&parts) / resultSize()); }

fn multiply(tile: u32, local: vec2u) -> Result {
  let shape = shapeOf();
  let across = tilesAlong(shape.N);
  let down = tilesAlong(shape.M);
  let firstN = 4 * SIDE * (tile % across);
  let firstM = 4 * SIDE * (tile / across % down);
  group = tile / (across * down) % shape.G;
  let part = tile / (across * down * shape.G);
  let depth = SIDE * partCount();
  let termsOfPart = SIDE * ((shape.K + depth - 1) / depth);
  let begin = part * termsOfPart;
  let end = min(shape.K, begin + termsOfPart);

  // What this invocation loads: (row / 4, depth) in the tile of A, (column / 4, depth) in that of B.
  let inA = select(local.yx, local, TRANSPOSE_A);
  let inB = select(local, local.yx, TRANSPOSE_B);
  let m = min(firstM + 4 * inA.x + vec4u(0, 1, 2, 3), vec4u(shape.M - 1));
  let n = min(firstN + 4 * inB.x + vec4u(0, 1, 2, 3), vec4u(shape.N - 1));
  let rows = array(rowOf(m.x), rowOf(m.y), rowOf(m.z), rowOf(m.w));

  var sums0 = vec4f();
  var sums1 = vec4f();
  var sums2 = vec4f();
  var sums3 = vec4f();
  // Each turn loads a step, and multiplies the one before it.
  for (var k = begin; k < end + SIDE; k += SIDE) {
    let nextA = loadRows(rows, k + inA.y, end);
    let nextB = loadColumns(k + inB.y, n, end);
    if (k > begin) {
      for (var i = 0u; i < SIDE; i++) {
        let a = tileA[i * STRIDE + local.y];
        let b = tileB[i * STRIDE + local.x];
        sums0 += a.x * b;
        sums1 += a.y * b;
        sums2 += a.z * b;
        sums3 += a.w * b;
      }
    }
    workgroupBarrier();
    tileA[inA.y * STRIDE + inA.x] = nextA;
    tileB[inB.y * STRIDE + inB.x] = nextB;
    workgroupBarrier();
  }
  let sums = array(sums0, sums1, sums2, sums3);
  return Result(part, firstM + 4 * local.y, firstN + 4 * local.x, sums);
}

/// Column k of A in four rows. Beyond the end of a part both operands are zero.
fn loadRows(rows: array<Line, 4>, k: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  let depth = depthOf(k);
  return vec4f(loadA(rows[0], depth), loadA(rows[1], depth), loadA(rows[2], depth), loadA(rows[3], depth));
}

/// Row k of B in four columns.
fn loadColumns(k: u32, n: vec4u, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  return vec4f(loadB(k, n.x), loadB(k, n.y), loadB(k, n.z), loadB(k, n.w));
}

fn store(result: Result) {
  storeRow(result, 0, result.rows[0]);
  storeRow(result, 1, result.rows[1]);
  storeRow(result, 2, result.rows[2]);
  storeRow(result, 3, result.rows[3]);
}

fn storeRow(result: Result, row: u32, sums: vec4f) {
  let shape = shapeOf();
  let m = result.m + row;
  if (m >= shape.M) { return; }
  let at = (m * shape.G + group) * shape.N + result.n;
  if (result.n < shape.N) { storeSum(result.part, at, sums.x); }
  if (result.n + 1 < shape.N) { storeSum(result.part, at + 1, sums.y); }
  if (result.n + 2 < shape.N) { storeSum(result.part, at + 2, sums.z); }
  if (result.n + 3 < shape.N) { storeSum(result.part, at + 3, sums.w); }
}

fn storeSum(part: u32, at: u32, sum: f32) {
  if (partCount() == 1) {
    C[at] = sum;
  } else {
    parts[part * resultSize() + at] = sum;
  }
}

fn partSum(at: u32) -> f32 {
  let count = partCount();
  let size = resultSize();
  var sum = parts[at];
  for (var part = 1u; part < count; part++) { sum += parts[part * size + at]; }
  return sum;
}
