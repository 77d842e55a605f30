// Derivation: src/ops/matmul.ts
//
//   C (R, G, N) = A·B + bias, for each of G groups by itself
//
// A product computes M of C's R rows: all of them, but for phases of a convolution.
//
// The tile loop of every product. It is compiled behind files that tell what A and B hold, and so
// which product it is (matrices.wgsl or conv2d.wgsl), how they are read, and what tiles are made of:
// src/backends/webgpu/shaders.ts puts them together.
//
//   shapeOf()                M and N, and how many products lie side by side: Shape
//   termsIn(phase)           K, which may differ from phase to phase
//   rowOf(m), depthOf(k)     Lines: what is known of a row and of a column of A before they meet
//   placeInA(row, depth)     where A[m, k] is, or OUTSIDE for a zero that is stored nowhere
//   placeInB(k, n)           where B[k, n] is
//   rowInC(m)                which row of C a product's row m is, or OUTSIDE for none
//   readA(places)            four rows of a column of A: read-a.wgsl, read-a-fours.wgsl
//   readB(places)            four columns of a row of B: read-b.wgsl, read-b-fours.wgsl
//   Four, Block, SETTLES     what is multiplied: reals.wgsl, halves.wgsl
//
// A workgroup of ROWS × COLUMNS invocations computes a tile of C. An invocation has BLOCKS × BLOCKS
// blocks of 4 × 4 elements of it in registers, 4·ROWS rows and 4·COLUMNS columns apart, while K
// passes by in steps of DEPTH:
//
//                            tileB   DEPTH rows of 4·BLOCKS·COLUMNS columns
//   tileA                    C tile
//   DEPTH columns of
//   4·BLOCKS·ROWS rows
//
// For each step an invocation loads at most a four of A and a four of B, while it multiplies those of
// the step before, and hands them to the others through workgroup memory. Neighbouring invocations
// load neighbouring elements: along K where a row of A, or with TRANSPOSE_B a column of B, lies in one
// piece, and across K otherwise.
//
// Where C has few tiles and K is long, K is cut into as many parts as `parts` (P, R, G, N) has room for;
// each is summed there by workgroups of its own, and a second pass adds them up. Every element is thus
// summed in an order that shapes and tiles alone decide.
//
// Rows and columns beyond the edge repeat the last one, and are not stored. The caller guarantees
// M, N, G ≥ 1, as many workgroups as there are tiles, in x and y, or more, and a DEPTH of which an
// invocation need not load more than one four of each.
override ROWS: u32 = 16; // a multiple of 4, or of 8 where COLUMNS is 4
override COLUMNS: u32 = 16; // 4, or a multiple of 8
override BLOCKS: u32 = 1; // 1 or 2
override DEPTH: u32 = 16;
/// A is stored as (K, M).
override TRANSPOSE_A: bool = false;
/// B is stored as (N, K).
override TRANSPOSE_B: bool = false;
/// Invocations of a workgroup that adds up parts.
override WORKGROUP: u32 = 256;

/// Products (M, K) · (K, N) in G groups of each of some phases, and the R rows of C.
struct Shape { M: u32, N: u32, G: u32, phases: u32, R: u32 }

@group(0) @binding(0) var<storage, read_write> C: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

override INVOCATIONS: u32 = ROWS * COLUMNS;
override FOURS_DOWN: u32 = BLOCKS * ROWS;
override FOURS_ACROSS: u32 = BLOCKS * COLUMNS;
/// One more than there are fours: invocations that walk along K then write to different banks.
override STRIDE_A: u32 = FOURS_DOWN + 1;
override STRIDE_B: u32 = FOURS_ACROSS + 1;
override SIZE_A: u32 = DEPTH * STRIDE_A;
override SIZE_B: u32 = DEPTH * STRIDE_B;
/// [depth][four rows, STRIDE_A]
var<workgroup> tileA: array<Four, SIZE_A>;
/// [depth][four columns, STRIDE_B]
var<workgroup> tileB: array<Four, SIZE_B>;

/// A place of zeros that are stored nowhere, and of results that nobody wants.
const OUTSIDE = 0xffffffffu;

/// Which product is computed.
var<private> group: u32;
var<private> phase: u32;

/// What one invocation computes: blocks whose columns, as WGSL calls them, are rows of C. The first is
/// at row m and column n; its neighbours across, down, and both follow.
struct Result { part: u32, m: u32, n: u32, blocks: array<mat4x4f, 4> }

@compute @workgroup_size(INVOCATIONS)
fn product(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  store(multiply(tile, i));
}

@compute @workgroup_size(INVOCATIONS)
fn productWithBias(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  var result = multiply(tile, i);
  let left = biasOf(result.n);
  let right = biasOf(result.n + 4 * COLUMNS);
  result.blocks[0] += left;
  result.blocks[1] += right;
  result.blocks[2] += left;
  result.blocks[3] += right;
  store(result);
}

/// The same in each row of a block.
fn biasOf(column: u32) -> mat4x4f {
  let N = shapeOf().N;
  let n = group * N + min(column + vec4u(0, 1, 2, 3), vec4u(N - 1));
  let row = vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
  return mat4x4f(row, row, row, row);
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
  let tiles = tilesAlong(shape.N, FOURS_ACROSS) * tilesAlong(shape.M, FOURS_DOWN);
  return tiles * shape.G * shape.phases * partCount();
}

fn tilesAlong(extent: u32, fours: u32) -> u32 { return (extent + 4 * fours - 1) / (4 * fours); }

fn resultSize() -> u32 {
  let shape = shapeOf();
  return shape.R * shape.G * shape.N;
}

fn partCount() -> u32 { return max(1, arrayLength(&parts) / resultSize()); }

fn multiply(tile: u32, i: u32) -> Result {
  let shape = shapeOf();
  let across = tilesAlong(shape.N, FOURS_ACROSS);
  let down = tilesAlong(shape.M, FOURS_DOWN);
  let firstN = 4 * FOURS_ACROSS * (tile % across);
  let firstM = 4 * FOURS_DOWN * (tile / across % down);
  let number = tile / (across * down);
  group = number % shape.G;
  // Not by way of `phase`: only what is no variable is known to be the same for a whole workgroup.
  let thisPhase = number / shape.G % shape.phases;
  phase = thisPhase;
  let part = number / (shape.G * shape.phases);
  let K = termsIn(thisPhase);
  let depth = DEPTH * partCount();
  let termsOfPart = DEPTH * ((K + depth - 1) / depth);
  let begin = min(K, part * termsOfPart);
  let end = min(K, begin + termsOfPart);

  let inA = loadedBy(i, FOURS_DOWN, TRANSPOSE_A);
  let inB = loadedBy(i, FOURS_ACROSS, !TRANSPOSE_B);
  let m = min(firstM + 4 * inA.x + vec4u(0, 1, 2, 3), vec4u(shape.M - 1));
  let n = min(firstN + 4 * inB.x + vec4u(0, 1, 2, 3), vec4u(shape.N - 1));
  let rows = array(rowOf(m.x), rowOf(m.y), rowOf(m.z), rowOf(m.w));
  let place = placeOf(i);

  var sums: array<Block, 4>;
  var settled: array<mat4x4f, 4>;
  // Each turn loads a step, and multiplies the one before it.
  for (var k = begin; k < end + DEPTH; k += DEPTH) {
    var nextA = Four();
    var nextB = Four();
    // Beyond the end of a part both operands are zero.
    if (inA.y < DEPTH && k + inA.y < end) { nextA = columnOfA(rows, k + inA.y); }
    if (inB.y < DEPTH && k + inB.y < end) { nextB = rowOfB(k + inB.y, n); }
    if (k > begin) {
      for (var d = 0u; d < DEPTH; d++) {
        let atA = d * STRIDE_A + place.y;
        let atB = d * STRIDE_B + place.x;
        let a = tileA[atA];
        let b = tileB[atB];
        sums[0] += outer(a, b);
        if (BLOCKS == 2) {
          let below = tileA[atA + ROWS];
          let right = tileB[atB + COLUMNS];
          sums[1] += outer(a, right);
          sums[2] += outer(below, b);
          sums[3] += outer(below, right);
        }
      }
      if (SETTLES) {
        settled[0] += mat4x4f(sums[0]);
        settled[1] += mat4x4f(sums[1]);
        settled[2] += mat4x4f(sums[2]);
        settled[3] += mat4x4f(sums[3]);
        sums = array<Block, 4>();
      }
    }
    workgroupBarrier();
    if (inA.y < DEPTH) { tileA[inA.y * STRIDE_A + inA.x] = nextA; }
    if (inB.y < DEPTH) { tileB[inB.y * STRIDE_B + inB.x] = nextB; }
    workgroupBarrier();
  }
  if (!SETTLES) {
    settled = array(mat4x4f(sums[0]), mat4x4f(sums[1]), mat4x4f(sums[2]), mat4x4f(sums[3]));
  }
  return Result(part, firstM + 4 * place.y, firstN + 4 * place.x, settled);
}

/// Which four of a tile, and at which depth, an invocation loads: none where that is DEPTH or more.
fn loadedBy(i: u32, fours: u32, acrossFirst: bool) -> vec2u {
  if (acrossFirst) { return vec2u(i % fours, i / fours); }
  return vec2u(i / DEPTH, select(DEPTH, i % DEPTH, i < fours * DEPTH));
}

/// Column and row of an invocation in its workgroup. Each 32 have an area of 8 × 4, or 4 × 8, so that a
/// subgroup reads few different fours of the tiles.
fn placeOf(i: u32) -> vec2u {
  let width = min(8, COLUMNS);
  let area = i / 32;
  let areas = COLUMNS / width;
  let inArea = vec2u(i % width, i % 32 / width);
  return inArea + vec2u(width, 32 / width) * vec2u(area % areas, area / areas);
}

fn columnOfA(rows: array<Line, 4>, k: u32) -> Four {
  let depth = depthOf(k);
  let places = vec4u(
    placeInA(rows[0], depth),
    placeInA(rows[1], depth),
    placeInA(rows[2], depth),
    placeInA(rows[3], depth),
  );
  return Four(readA(places));
}

fn rowOfB(k: u32, n: vec4u) -> Four {
  let places = vec4u(placeInB(k, n.x), placeInB(k, n.y), placeInB(k, n.z), placeInB(k, n.w));
  return Four(readB(places));
}

/// Four rows of a·b.
fn outer(a: Four, b: Four) -> Block { return Block(a.x * b, a.y * b, a.z * b, a.w * b); }

fn store(result: Result) {
  let m = result.m;
  let n = result.n;
  storeBlock(result.part, m, n, result.blocks[0]);
  if (BLOCKS == 2) {
    storeBlock(result.part, m, n + 4 * COLUMNS, result.blocks[1]);
    storeBlock(result.part, m + 4 * ROWS, n, result.blocks[2]);
    storeBlock(result.part, m + 4 * ROWS, n + 4 * COLUMNS, result.blocks[3]);
  }
}

fn storeBlock(part: u32, m: u32, n: u32, block: mat4x4f) {
  storeRow(part, m, n, block[0]);
  storeRow(part, m + 1, n, block[1]);
  storeRow(part, m + 2, n, block[2]);
  storeRow(part, m + 3, n, block[3]);
}

fn storeRow(part: u32, m: u32, n: u32, row: vec4f) {
  let shape = shapeOf();
  if (m >= shape.M) { return; }
  let r = rowInC(m);
  if (r == OUTSIDE) { return; }
  let at = (r * shape.G + group) * shape.N + n;
  if (n < shape.N) { storeSum(part, at, row.x); }
  if (n + 1 < shape.N) { storeSum(part, at + 1, row.y); }
  if (n + 2 < shape.N) { storeSum(part, at + 2, row.z); }
  if (n + 3 < shape.N) { storeSum(part, at + 3, row.w); }
}

fn storeSum(part: u32, at: u32, sum: f32) {
  if (partCount() == 1) {
    C[at] = sum;
  } else {
    parts[part * resultSize() + at] = sum;
  }
}

/// In four sums, so that loads need not wait for one another.
fn partSum(at: u32) -> f32 {
  var sums = vec4f();
  for (var part = 0u; part < partCount(); part += 4) {
    let next = vec4u(part, part + 1, part + 2, part + 3);
    sums += vec4f(partAt(next.x, at), partAt(next.y, at), partAt(next.z, at), partAt(next.w, at));
  }
  return sums.x + sums.y + sums.z + sums.w;
}

/// 0 beyond the last part.
fn partAt(part: u32, at: u32) -> f32 {
  if (part >= partCount()) { return 0; }
  return parts[part * resultSize() + at];
}
