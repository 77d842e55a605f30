// requires: f32, read-a, read-b, split-k
// expects: Coordinates, depthCoordinates, gemmDepth, gemmShape, offsetInA, offsetInB, rowCoordinates, rowInC
// Derivation: src/ops/matmul.ts
//
//   C (R, G, N) = A·B + bias, separately for each of G groups
//
// The loops of every GEMM. The shader that requires this file defines the operands; offsets are
// computed, not loaded from a table, so a convolution is an implicit GEMM:
//
//   gemmShape()                   M, N, the number of groups and phases, and R
//   gemmDepth(phase)              K, which may differ between phases
//   rowCoordinates(m)             the part of an offset in A that depends on the row alone
//   depthCoordinates(k)           the part of an offset in A that depends on the column alone
//   offsetInA(row, depth)         the offset of A[m, k], or OUT_OF_BOUNDS for an implicit zero
//   offsetInB(k, n)               the offset of B[k, n]
//   rowInC(m)                     the row of C that row m is stored to, or OUT_OF_BOUNDS for none
//
// Variants replace what this file requires: read-a-vec4.wgsl and read-b-vec4.wgsl load with vec4 loads,
// f16.wgsl multiplies in 16-bit floats.
//
// Workgroup tile: ROWS × COLUMNS invocations compute a tile of 4·BLOCKS·ROWS × 4·BLOCKS·COLUMNS
// elements of C, in steps of DEPTH along K.
//
// Register tile: an invocation accumulates BLOCKS × BLOCKS blocks of 4 × 4 elements in registers. The
// blocks are 4·ROWS rows and 4·COLUMNS columns apart, so that neighbouring invocations read
// neighbouring vectors of the tiles in workgroup memory.
//
//                            tileB   DEPTH rows of 4·BLOCKS·COLUMNS columns
//   tileA                    C tile
//   DEPTH columns of
//   4·BLOCKS·ROWS rows
//
// Prefetch: in each step an invocation loads at most one vec4 of A and one of B into registers while it
// multiplies the previous step's tiles, then stores them to workgroup memory. Loads are coalesced:
// neighbouring invocations load along K where a row of A, or with TRANSPOSE_B a column of B, is
// contiguous, and across K otherwise.
//
// Split-K: where C has few tiles and K is long, each split of K has workgroups of its own, whose partial
// sums a second pass reduces: split-k.wgsl.
//
// Epilogue: the entry points with the suffix WithBias add the bias to the accumulators before they are
// stored, or in the second pass of split-K.
//
// Edges: rows and columns beyond the edge of C load the last one again, and are not stored.
//
// The caller guarantees M, N, G ≥ 1; at least as many workgroups as tiles, in x and y; and a DEPTH with
// which an invocation loads at most one vec4 of each operand per step. A phase of a convolution
// computes M of the R rows of C; otherwise M = R.

// Every pass sets these.
override ROWS: u32 = 4; // a multiple of 4, or of 8 where COLUMNS is 4
override COLUMNS: u32 = 4; // 4, or a multiple of 8
override BLOCKS: u32 = 1; // 1 or 2
override DEPTH: u32 = 4;
// A is stored as (K, M).
override TRANSPOSE_A: bool = false;
// B is stored as (N, K).
override TRANSPOSE_B: bool = false;

// A GEMM (M, K) · (K, N) for each of G groups and each phase; C has R rows.
struct GemmShape { M: u32, N: u32, G: u32, phases: u32, R: u32 }

@group(0) @binding(3) var<storage, read> bias: array<f32>;

override INVOCATIONS: u32 = ROWS * COLUMNS;
override VECTORS_DOWN: u32 = BLOCKS * ROWS;
override VECTORS_ACROSS: u32 = BLOCKS * COLUMNS;
// Padded by one vector, so that invocations that load along K write to different memory banks.
override STRIDE_A: u32 = VECTORS_DOWN + 1;
override STRIDE_B: u32 = VECTORS_ACROSS + 1;
override SIZE_A: u32 = DEPTH * STRIDE_A;
override SIZE_B: u32 = DEPTH * STRIDE_B;
// [depth][vector of four rows, padded to STRIDE_A]
var<workgroup> tileA: array<Vec4, SIZE_A>;
// [depth][vector of four columns, padded to STRIDE_B]
var<workgroup> tileB: array<Vec4, SIZE_B>;

// The offset of an implicit zero of A, and the row of C for results that are not stored.
const OUT_OF_BOUNDS = 0xffffffffu;

// The group and phase that this workgroup computes.
var<private> group: u32;
var<private> phase: u32;

// The register tile of one invocation. Each column (in WGSL's terms) of a block is a row of C. The first
// block is at row m and column n of C; the blocks to its right, below, and below right follow.
struct Result { split: u32, m: u32, n: u32, blocks: array<mat4x4f, 4> }

@compute @workgroup_size(INVOCATIONS)
fn gemm(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  store(multiply(tile, i));
}

@compute @workgroup_size(INVOCATIONS)
fn gemmWithBias(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let tile = id.x + id.y * workgroups.x;
  if (tile >= tileCount()) { return; }
  var result = multiply(tile, i);
  // Epilogue.
  let left = biasOf(result.n);
  let right = biasOf(result.n + 4 * COLUMNS);
  result.blocks[0] += left;
  result.blocks[1] += right;
  result.blocks[2] += left;
  result.blocks[3] += right;
  store(result);
}

// A block in which every row is the bias from this column on.
fn biasOf(column: u32) -> mat4x4f {
  let N = gemmShape().N;
  let n = group * N + min(column + vec4u(0, 1, 2, 3), vec4u(N - 1));
  let row = vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
  return mat4x4f(row, row, row, row);
}

// Tiles are numbered along a row of C first, then down its rows, then by group, phase and split.
fn tileCount() -> u32 {
  let shape = gemmShape();
  let tiles = tilesAlong(shape.N, VECTORS_ACROSS) * tilesAlong(shape.M, VECTORS_DOWN);
  return tiles * shape.G * shape.phases * splitCount();
}

fn tilesAlong(extent: u32, vectors: u32) -> u32 { return (extent + 4 * vectors - 1) / (4 * vectors); }

fn multiply(tile: u32, i: u32) -> Result {
  let shape = gemmShape();
  let across = tilesAlong(shape.N, VECTORS_ACROSS);
  let down = tilesAlong(shape.M, VECTORS_DOWN);
  let firstN = 4 * VECTORS_ACROSS * (tile % across);
  let firstM = 4 * VECTORS_DOWN * (tile / across % down);
  let number = tile / (across * down);
  group = number % shape.G;
  // A local constant instead of the private variable: uniformity analysis accepts only the former, and
  // the barriers below need uniform control flow.
  let thisPhase = number / shape.G % shape.phases;
  phase = thisPhase;
  let split = number / (shape.G * shape.phases);
  let K = gemmDepth(thisPhase);
  let depth = DEPTH * splitCount();
  let depthOfSplit = DEPTH * ((K + depth - 1) / depth);
  let begin = min(K, split * depthOfSplit);
  let end = min(K, begin + depthOfSplit);

  let inA = vectorLoadedBy(i, VECTORS_DOWN, TRANSPOSE_A);
  let inB = vectorLoadedBy(i, VECTORS_ACROSS, !TRANSPOSE_B);
  let m = min(firstM + 4 * inA.x + vec4u(0, 1, 2, 3), vec4u(shape.M - 1));
  let n = min(firstN + 4 * inB.x + vec4u(0, 1, 2, 3), vec4u(shape.N - 1));
  let rows = array(
    rowCoordinates(m.x),
    rowCoordinates(m.y),
    rowCoordinates(m.z),
    rowCoordinates(m.w),
  );
  let place = placeInTile(i);

  var sums: array<Block4x4, 4>;
  var blocks: array<mat4x4f, 4>;
  // Software pipeline: each iteration prefetches one step and multiplies the previous one.
  for (var k = begin; k < end + DEPTH; k += DEPTH) {
    var nextA = Vec4();
    var nextB = Vec4();
    // Beyond the end of a split both operands are zero.
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
      // A chain of additions ends after TERMS_PER_BLOCK terms: assembly/block-sum.ts derives its error.
      if (PROMOTES || (k - begin) % TERMS_PER_BLOCK == 0) {
        blocks[0] += mat4x4f(sums[0]);
        blocks[1] += mat4x4f(sums[1]);
        blocks[2] += mat4x4f(sums[2]);
        blocks[3] += mat4x4f(sums[3]);
        sums = array<Block4x4, 4>();
      }
    }
    workgroupBarrier();
    if (inA.y < DEPTH) { tileA[inA.y * STRIDE_A + inA.x] = nextA; }
    if (inB.y < DEPTH) { tileB[inB.y * STRIDE_B + inB.x] = nextB; }
    workgroupBarrier();
  }
  // The last block; zeros if it has just ended.
  blocks[0] += mat4x4f(sums[0]);
  blocks[1] += mat4x4f(sums[1]);
  blocks[2] += mat4x4f(sums[2]);
  blocks[3] += mat4x4f(sums[3]);
  return Result(split, firstM + 4 * place.y, firstN + 4 * place.x, blocks);
}

// The vector of a tile that an invocation loads, and its depth; a depth of DEPTH or more means none.
fn vectorLoadedBy(i: u32, vectors: u32, acrossFirst: bool) -> vec2u {
  if (acrossFirst) { return vec2u(i % vectors, i / vectors); }
  return vec2u(i / DEPTH, select(DEPTH, i % DEPTH, i < vectors * DEPTH));
}

// Column and row of an invocation in its workgroup's tile. Each 32 consecutive invocations cover an area
// of 8 × 4 or 4 × 8, so that a subgroup of 32 reads few different vectors of the tiles.
fn placeInTile(i: u32) -> vec2u {
  let width = min(8, COLUMNS);
  let area = i / 32;
  let areas = COLUMNS / width;
  let inArea = vec2u(i % width, i % 32 / width);
  return inArea + vec2u(width, 32 / width) * vec2u(area % areas, area / areas);
}

// A[m, k] for four rows m.
fn columnOfA(rows: array<Coordinates, 4>, k: u32) -> Vec4 {
  let depth = depthCoordinates(k);
  let offsets = vec4u(
    offsetInA(rows[0], depth),
    offsetInA(rows[1], depth),
    offsetInA(rows[2], depth),
    offsetInA(rows[3], depth),
  );
  return Vec4(readA(offsets));
}

// B[k, n] for four columns n.
fn rowOfB(k: u32, n: vec4u) -> Vec4 {
  let offsets = vec4u(offsetInB(k, n.x), offsetInB(k, n.y), offsetInB(k, n.z), offsetInB(k, n.w));
  return Vec4(readB(offsets));
}

// The outer product a·b: one row of the block per element of a.
fn outer(a: Vec4, b: Vec4) -> Block4x4 { return Block4x4(a.x * b, a.y * b, a.z * b, a.w * b); }

fn store(result: Result) {
  let m = result.m;
  let n = result.n;
  storeBlock(result.split, m, n, result.blocks[0]);
  if (BLOCKS == 2) {
    storeBlock(result.split, m, n + 4 * COLUMNS, result.blocks[1]);
    storeBlock(result.split, m + 4 * ROWS, n, result.blocks[2]);
    storeBlock(result.split, m + 4 * ROWS, n + 4 * COLUMNS, result.blocks[3]);
  }
}

fn storeBlock(split: u32, m: u32, n: u32, block: mat4x4f) {
  storeRow(split, m, n, block[0]);
  storeRow(split, m + 1, n, block[1]);
  storeRow(split, m + 2, n, block[2]);
  storeRow(split, m + 3, n, block[3]);
}

fn storeRow(split: u32, m: u32, n: u32, row: vec4f) {
  let shape = gemmShape();
  if (m >= shape.M) { return; }
  let r = rowInC(m);
  if (r == OUT_OF_BOUNDS) { return; }
  let at = (r * shape.G + group) * shape.N + n;
  if (n < shape.N) { storeSum(split, at, row.x); }
  if (n + 1 < shape.N) { storeSum(split, at + 1, row.y); }
  if (n + 2 < shape.N) { storeSum(split, at + 2, row.z); }
  if (n + 3 < shape.N) { storeSum(split, at + 3, row.w); }
}
