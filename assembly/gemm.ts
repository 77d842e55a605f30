// Derivation: src/ops/matmul.ts
//
//   C (M, N) = A·B + bias
//
// C is cut into tiles of 6×8 (or 4×8). A tile's sums live in twelve registers while k runs:
//
//              B[k, j … j+7]       two vectors, loaded
//   A[i … i+5, k]   acc            six numbers, each loaded into all four lanes
//
// which leaves three of the fifteen registers that V8 hands out for the operands. Every element of
// C is summed by one chain over ascending k, whatever the tile it falls into.
//
// A is read in place through two strides, so A and Aᵀ cost the same. B is read in place when it is
// small and stored along n; otherwise a block of it is first copied into scratch memory, strip by
// strip, so that the inner loop reads it from end to end:
//
//   packed B    [strip][k][8]        as many strips as fit; rows of A come in blocks of tiles, so that
//                                    one stays in the second-level cache while all strips pass
//
// Edges: rows have tiles of their own height, 1 … 6; in the last strip of columns, vectors run past
// the row's end (arrays are padded: see src/backends/wasm/linker.ts) and only the valid lanes are
// stored.
//
// Threads share the tiles of C, counted down the strips.
import { multiplyAdd, storeLanes, sumLanes } from './simd';
import { ownScratch, SCRATCH_BYTES, shareBegin, shareEnd } from './threads';

/** Rows of a tile: 6, or 4 where the compiler spills the sums of 6 (see src/backends/wasm/tile-rows.ts). */
let tileRows: i32 = 6;
const COLUMNS: i32 = 8;

const K_BLOCK: i32 = 512;
const TILES_PER_BLOCK: i32 = 32;
/** From this depth on, one block of K no longer leaves room for A in the first-level cache. */
const DEEPEST: i32 = 1024;

const ZEROS = memory.data(32, 16);

/** @param rows 6 or 4; results do not depend on it */
export function setTileRows(rows: i32): void {
  tileRows = rows;
}

/**
 * @param transposeA A is stored (K, M)
 * @param transposeB B is stored (N, K)
 * @param bias (N), or 0 for none
 */
export function gemm(
  C: usize, A: usize, B: usize, bias: usize,
  M: i32, N: i32, K: i32,
  transposeA: bool, transposeB: bool,
): void {
  if (N == 1 && !transposeA) return matrixVector(C, A, B, bias, M, K);
  if (N == 1 && bias == 0) return gemm(C, B, A, 0, 1, M, K, false, false);
  const tiles = (M + tileRows - 1) / tileRows;
  const strips = (N + COLUMNS - 1) / COLUMNS;
  const first = shareBegin(tiles * strips);
  const last = shareEnd(tiles * strips);
  if (first == last) return;
  const pack = transposeB || (M >= PACK_ROWS && K * N >= PACK_SIZE);
  const kBlock = pack && K > DEEPEST ? K_BLOCK : K;
  const endStrip = (last + tiles - 1) / tiles;
  for (let k = 0; k < K; k += kBlock) {
    const depth = min(kBlock, K - k);
    const stripsPerBlock = pack ? SCRATCH_BYTES / (4 * COLUMNS * depth) : strips;
    for (let block = first / tiles; block < endStrip; block += stripsPerBlock) {
      const endBlock = min(block + stripsPerBlock, endStrip);
      if (pack) packStrips(B, N, K, k, depth, block, endBlock, transposeB);
      for (let top = 0; top < tiles; top += TILES_PER_BLOCK) {
        for (let strip = block; strip < endBlock; strip++) {
          const begin = max(top, first - strip * tiles);
          const end = min(min(top + TILES_PER_BLOCK, tiles), last - strip * tiles);
          if (begin >= end) continue;
          const b = pack ? ownScratch() + 32 * (strip - block) * depth : B + 4 * (k * N + strip * COLUMNS);
          const to = C + 4 * (tileRows * begin * N + strip * COLUMNS);
          // The first block begins at the bias, later ones where the last one stopped.
          const from = k > 0 ? to : bias ? bias + 4 * strip * COLUMNS : ZEROS;
          const fromStride = k > 0 ? 4 * N : 0;
          const rows = min(tileRows * end, M) - tileRows * begin;
          const width = min(COLUMNS, N - strip * COLUMNS);
          if (transposeA) {
            columnStrip(to, 4 * N, from, fromStride, A + 4 * (k * M + tileRows * begin), 4 * M, b, pack ? 32 : 4 * N, rows, depth, width);
          } else {
            rowStrip(to, 4 * N, from, fromStride, A + 4 * (tileRows * begin * K + k), 4 * K, b, pack ? 32 : 4 * N, rows, depth, width);
          }
        }
      }
    }
  }
}

const PACK_ROWS: i32 = 48;
const PACK_SIZE: i32 = 8192;

/** Copies strips [strip, endStrip) of rows [k, k + depth) of B into this thread's scratch memory. */
function packStrips(
  B: usize, N: i32, K: i32, k: i32, depth: i32,
  strip: i32, endStrip: i32, transposeB: bool,
): void {
  let to = ownScratch();
  for (; strip < endStrip; strip++) {
    const n = strip * COLUMNS;
    if (transposeB) packTransposed(to, B + 4 * (n * K + k), 4 * K, depth, min(COLUMNS, N - n));
    else packStraight(to, B + 4 * (k * N + n), 4 * N, depth);
    to += 32 * depth;
  }
}

/** to[k][0 … 7] = B[k][n … n+7]; columns that are not there hold the next row's, and are never stored. */
function packStraight(to: usize, b: usize, bRow: i32, K: i32): void {
  const end = to + 32 * K;
  for (; to < end; to += 32, b += bRow) {
    v128.store(to, v128.load(b));
    v128.store(to, v128.load(b, 16), 16);
  }
}

/** All rows of one strip, A stored along k: six pointers walk six rows. */
function rowStrip(
  to: usize, toStride: i32, from: usize, fromStride: i32,
  a: usize, aRow: i32,
  b: usize, bRow: i32,
  M: i32, K: i32, width: i32,
): void {
  let i = 0;
  if (width > 4 && tileRows == 6) {
    for (; i + 6 <= M; i += 6) {
      tile(6, 8, to + i * toStride, toStride, from + i * fromStride, fromStride, a + i * aRow, aRow, 4, b, bRow, K, width);
    }
  } else if (width > 4) {
    for (; i + 4 <= M; i += 4) {
      tile(4, 8, to + i * toStride, toStride, from + i * fromStride, fromStride, a + i * aRow, aRow, 4, b, bRow, K, width);
    }
  } else {
    for (; i + 6 <= M; i += 6) {
      tile(6, 4, to + i * toStride, toStride, from + i * fromStride, fromStride, a + i * aRow, aRow, 4, b, bRow, K, width);
    }
  }
  if (i < M) {
    lastRows(M - i, to + i * toStride, toStride, from + i * fromStride, fromStride, a + i * aRow, aRow, 4, b, bRow, K, width);
  }
}

/** All rows of one strip, A stored along its rows' index: one pointer, constant offsets. */
function columnStrip(
  to: usize, toStride: i32, from: usize, fromStride: i32,
  a: usize, aColumn: i32,
  b: usize, bRow: i32,
  M: i32, K: i32, width: i32,
): void {
  let i = 0;
  if (width > 4 && tileRows == 6) {
    for (; i + 6 <= M; i += 6) {
      tile(6, 8, to + i * toStride, toStride, from + i * fromStride, fromStride, a + 4 * i, 4, aColumn, b, bRow, K, width);
    }
  } else if (width > 4) {
    for (; i + 4 <= M; i += 4) {
      tile(4, 8, to + i * toStride, toStride, from + i * fromStride, fromStride, a + 4 * i, 4, aColumn, b, bRow, K, width);
    }
  } else {
    for (; i + 6 <= M; i += 6) {
      tile(6, 4, to + i * toStride, toStride, from + i * fromStride, fromStride, a + 4 * i, 4, aColumn, b, bRow, K, width);
    }
  }
  if (i < M) {
    lastRows(M - i, to + i * toStride, toStride, from + i * fromStride, fromStride, a + 4 * i, 4, aColumn, b, bRow, K, width);
  }
}

/** The one to five rows below the last whole tile. */
function lastRows(
  rows: i32, to: usize, toStride: i32, from: usize, fromStride: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, K: i32, width: i32,
): void {
  switch (rows) {
    case 1: tile(1, 8, to, toStride, from, fromStride, a, aRow, aColumn, b, bRow, K, width); break;
    case 2: tile(2, 8, to, toStride, from, fromStride, a, aRow, aColumn, b, bRow, K, width); break;
    case 3: tile(3, 8, to, toStride, from, fromStride, a, aRow, aColumn, b, bRow, K, width); break;
    case 4: tile(4, 8, to, toStride, from, fromStride, a, aRow, aColumn, b, bRow, K, width); break;
    default: tile(5, 8, to, toStride, from, fromStride, a, aRow, aColumn, b, bRow, K, width);
  }
}

/**
 * One tile of `rows` × `columns`. Both are literals at every call, so that the compiler keeps only
 * the accumulators that exist: accIJ holds columns 4J … 4J+3 of row I.
 */
// @ts-ignore: decorator
@inline function tile(
  rows: i32, columns: i32,
  to: usize, toStride: i32, from: usize, fromStride: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, K: i32, width: i32,
): void {
  // Sums that the tile lacks are never loaded: their rows may lie beyond the end of the memory.
  let acc00 = v128.load(from);
  let acc01 = columns > 4 ? v128.load(from, 16) : acc00;
  let acc10 = rows > 1 ? v128.load(from + fromStride) : acc00;
  let acc11 = rows > 1 && columns > 4 ? v128.load(from + fromStride, 16) : acc00;
  let acc20 = rows > 2 ? v128.load(from + 2 * fromStride) : acc00;
  let acc21 = rows > 2 && columns > 4 ? v128.load(from + 2 * fromStride, 16) : acc00;
  let acc30 = rows > 3 ? v128.load(from + 3 * fromStride) : acc00;
  let acc31 = rows > 3 && columns > 4 ? v128.load(from + 3 * fromStride, 16) : acc00;
  let acc40 = rows > 4 ? v128.load(from + 4 * fromStride) : acc00;
  let acc41 = rows > 4 && columns > 4 ? v128.load(from + 4 * fromStride, 16) : acc00;
  let acc50 = rows > 5 ? v128.load(from + 5 * fromStride) : acc00;
  let acc51 = rows > 5 && columns > 4 ? v128.load(from + 5 * fromStride, 16) : acc00;
  const end = a + K * aColumn;
  for (; a < end; a += aColumn, b += bRow) {
    const b0 = v128.load(b);
    const b1 = columns > 4 ? v128.load(b, 16) : b0;
    let x = v128.load32_splat(a);
    acc00 = multiplyAdd(x, b0, acc00);
    if (columns > 4) acc01 = multiplyAdd(x, b1, acc01);
    if (rows > 1) {
      x = v128.load32_splat(a + aRow);
      acc10 = multiplyAdd(x, b0, acc10);
      if (columns > 4) acc11 = multiplyAdd(x, b1, acc11);
    }
    if (rows > 2) {
      x = v128.load32_splat(a + 2 * aRow);
      acc20 = multiplyAdd(x, b0, acc20);
      if (columns > 4) acc21 = multiplyAdd(x, b1, acc21);
    }
    if (rows > 3) {
      x = v128.load32_splat(a + 3 * aRow);
      acc30 = multiplyAdd(x, b0, acc30);
      if (columns > 4) acc31 = multiplyAdd(x, b1, acc31);
    }
    if (rows > 4) {
      x = v128.load32_splat(a + 4 * aRow);
      acc40 = multiplyAdd(x, b0, acc40);
      if (columns > 4) acc41 = multiplyAdd(x, b1, acc41);
    }
    if (rows > 5) {
      x = v128.load32_splat(a + 5 * aRow);
      acc50 = multiplyAdd(x, b0, acc50);
      if (columns > 4) acc51 = multiplyAdd(x, b1, acc51);
    }
  }
  // Whole rows are stored here and side by side, where V8 can make one 256-bit vector of two.
  if (columns > 4 && width == COLUMNS) {
    storeWhole(to, acc00, acc01);
    if (rows > 1) storeWhole(to + toStride, acc10, acc11);
    if (rows > 2) storeWhole(to + 2 * toStride, acc20, acc21);
    if (rows > 3) storeWhole(to + 3 * toStride, acc30, acc31);
    if (rows > 4) storeWhole(to + 4 * toStride, acc40, acc41);
    if (rows > 5) storeWhole(to + 5 * toStride, acc50, acc51);
    return;
  }
  storeRow(to, acc00, acc01, width);
  if (rows > 1) storeRow(to + toStride, acc10, acc11, width);
  if (rows > 2) storeRow(to + 2 * toStride, acc20, acc21, width);
  if (rows > 3) storeRow(to + 3 * toStride, acc30, acc31, width);
  if (rows > 4) storeRow(to + 4 * toStride, acc40, acc41, width);
  if (rows > 5) storeRow(to + 5 * toStride, acc50, acc51, width);
}

// @ts-ignore: decorator
@inline function storeWhole(to: usize, low: v128, high: v128): void {
  v128.store(to, low);
  v128.store(to, high, 16);
}

/** Stores the first `width` of eight columns. */
function storeRow(to: usize, low: v128, high: v128, width: i32): void {
  if (width > 4) {
    v128.store(to, low);
    storeLanes(to + 16, high, width - 4);
  } else {
    storeLanes(to, low, width);
  }
}

/** to[k][n] = B[n][k] for `width` ≤ 8 rows of B, four k at a time. */
function packTransposed(panel: usize, b: usize, bRow: i32, K: i32, width: i32): void {
  for (let n = 0; n < width; n += 4) {
    const row = b + n * bRow;
    // Rows that are not there are read as the last one: their columns are never stored.
    const last = width - 1 - n;
    const r0 = row;
    const r1 = row + min(1, last) * bRow;
    const r2 = row + min(2, last) * bRow;
    const r3 = row + min(3, last) * bRow;
    const to = panel + 4 * n;
    let k = 0;
    for (; k + 4 <= K; k += 4) {
      transpose4(to + 32 * k, v128.load(r0 + 4 * k), v128.load(r1 + 4 * k), v128.load(r2 + 4 * k), v128.load(r3 + 4 * k));
    }
    for (; k < K; k++) {
      store<f32>(to + 32 * k, load<f32>(r0 + 4 * k));
      store<f32>(to + 32 * k, load<f32>(r1 + 4 * k), 4);
      store<f32>(to + 32 * k, load<f32>(r2 + 4 * k), 8);
      store<f32>(to + 32 * k, load<f32>(r3 + 4 * k), 12);
    }
  }
}

/** Writes the columns of four rows below one another, 32 bytes apart. */
// @ts-ignore: decorator
@inline function transpose4(to: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5), 0);
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 96);
}

/** C (M) = A (M, K)·b (K): a dot product a row, in four chains of four lanes. */
function matrixVector(C: usize, A: usize, b: usize, bias: usize, M: i32, K: i32): void {
  const start: f32 = bias ? load<f32>(bias) : 0;
  const whole = K & ~15;
  for (let i = shareBegin(M), end = shareEnd(M); i < end; i++) {
    const a = A + 4 * i * K;
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let k = 0; k < whole; k += 16) {
      s0 = multiplyAdd(v128.load(a + 4 * k), v128.load(b + 4 * k), s0);
      s1 = multiplyAdd(v128.load(a + 4 * k, 16), v128.load(b + 4 * k, 16), s1);
      s2 = multiplyAdd(v128.load(a + 4 * k, 32), v128.load(b + 4 * k, 32), s2);
      s3 = multiplyAdd(v128.load(a + 4 * k, 48), v128.load(b + 4 * k, 48), s3);
    }
    let sum = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
    for (let k = whole; k < K; k++) sum += load<f32>(a + 4 * k) * load<f32>(b + 4 * k);
    store<f32>(C + 4 * i, sum + start);
  }
}
