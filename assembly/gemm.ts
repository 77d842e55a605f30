// Derivation: src/ops/matmul.ts
//
//   C (M, N) = max(A·B + bias, floor)
//
// C is cut into tiles of 6×8 (or 4×8). A tile's sums live in twelve registers while k runs:
//
//              B[k, j … j+7]       two vectors, loaded
//   A[i … i+5, k]   acc            six numbers, each loaded into all four lanes
//
// which leaves three of the fifteen registers that V8 hands out for the operands. Every element of
// C is summed by one chain over ascending k, whatever the tile it falls into.
//
// A is read in place through two strides, so A and Aᵀ cost the same, and so is B where its rows are
// stored along n. In large products, and where B is transposed, they are first copied into scratch
// memory, block by block, so that the inner loop reads them from end to end:
//
//   packed B   [strip][k][8]       as many strips as fit
//   packed A   [tile][k][rows]     a block of tiles, which stays in the second-level cache while all
//                                  strips pass
//
// Edges: the last rows are done in tiles of 4, 2 and 1; in the last strip of columns, vectors run past
// the row's end (arrays are padded: see src/backends/wasm/linker.ts) and only the valid lanes are
// stored.
//
// Threads share the tiles of C, counted down the strips.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { packColumns, packRows, packStraight, packTransposed } from './gemm-packing';
import { pairsStrips, stripPair } from './gemm-pairs';
import { atLeast, multiplyAdd, storeLanes, sumLanes } from './simd';
import { ownScratch, shareBegin, shareEnd } from './threads';
import { tileRows } from './tile-rows';

const COLUMNS: i32 = 8;
const TILES_PER_BLOCK: i32 = 32;
const K_BLOCK: i32 = 512;
/** Up to this depth, a strip of B leaves room for A in the first-level cache. */
const DEEPEST: i32 = 1024;
/** Columns of C from which on packing A pays. */
const WIDE: i32 = 256;
/** Rows of C from which on packing pays, and for B its elements. */
const TALL: i32 = 48;
const LARGE: i32 = 8192;

/** Of a thread's scratch memory, what packed A takes at most: 32 tiles of 6 rows, 512 deep. */
const PACKED_A_BYTES: i32 = 4 * 6 * TILES_PER_BLOCK * K_BLOCK;
const PACKED_B_BYTES: i32 = SCRATCH_BYTES - PACKED_A_BYTES;

const ZEROS = memory.data(64, 16);

/**
 * @param transposeA A is stored (K, M)
 * @param transposeB B is stored (N, K)
 * @param bias (N), or 0 for none
 * @param floor least result: 0 for ReLU, −∞ for none
 */
export function gemm(
  C: usize, A: usize, B: usize, bias: usize,
  M: i32, N: i32, K: i32,
  transposeA: bool, transposeB: bool, floor: f32,
): void {
  if (N == 1 && !transposeA) return matrixVector(C, A, B, bias, M, K, floor);
  if (N == 1 && bias == 0) return gemm(C, B, A, 0, 1, M, K, false, false, floor);
  const tiles = (M + tileRows - 1) / tileRows;
  const strips = (N + COLUMNS - 1) / COLUMNS;
  const first = shareBegin(tiles * strips);
  const last = shareEnd(tiles * strips);
  if (first == last) return;
  const packA = N >= WIDE && M >= TALL;
  const packB = transposeB || (M >= TALL && K * N >= LARGE);
  const kBlock = packA || (packB && K > DEEPEST) ? K_BLOCK : K;
  const packedA = ownScratch();
  const packedB = packedA + PACKED_A_BYTES;
  const endStrip = (last + tiles - 1) / tiles;
  for (let k = 0; k < K; k += kBlock) {
    const depth = min(kBlock, K - k);
    const stripsPerBlock = packB ? PACKED_B_BYTES / (4 * COLUMNS * depth) : strips;
    for (let block = first / tiles; block < endStrip; block += stripsPerBlock) {
      const endBlock = min(block + stripsPerBlock, endStrip);
      if (packB) packStrips(packedB, B, N, K, k, depth, block, endBlock, transposeB);
      for (let top = 0; top < tiles; top += TILES_PER_BLOCK) {
        const bottom = min(top + TILES_PER_BLOCK, tiles);
        if (packA) packTiles(packedA, A, M, K, k, depth, top, bottom, transposeA);
        for (let strip = block; strip < endBlock; strip++) {
          const begin = max(top, first - strip * tiles);
          const end = min(bottom, last - strip * tiles);
          if (begin >= end) continue;
          const row = tileRows * begin;
          const rows = min(tileRows * end, M) - row;
          const width = min(COLUMNS, N - strip * COLUMNS);
          const b = packB ? packedB + 4 * COLUMNS * (strip - block) * depth : B + 4 * (k * N + strip * COLUMNS);
          const bRow = packB ? 4 * COLUMNS : 4 * N;
          const to = C + 4 * (row * N + strip * COLUMNS);
          // The first block begins at the bias, later ones where the last one stopped.
          const from = k > 0 ? to : bias ? bias + 4 * strip * COLUMNS : ZEROS;
          const fromRow = k > 0 ? 4 * N : 0;
          const least: f32 = k + depth < K ? -Infinity : floor;
          if (packA) {
            const a = packedA + 4 * tileRows * (begin - top) * depth;
            const isWhole = begin == top && end == bottom && last >= (strip + 1) * tiles + bottom;
            if (pairsStrips && packB && isWhole && strip + 1 < endBlock && N >= COLUMNS * (strip + 2)) {
              const next = b + 4 * COLUMNS * depth;
              stripPair(to, 4 * N, from, fromRow, a, b, next, rows / 6, depth, least);
              const done = rows - rows % 6;
              const below = to + 4 * done * N;
              const fromBelow = from + done * fromRow;
              const aBelow = a + 4 * done * depth;
              const rest = rows - done;
              lastRows(rest, below, 4 * N, fromBelow, fromRow, aBelow, 4, 24, b, bRow, depth, COLUMNS, least);
              lastRows(
                rest, below + 32, 4 * N, fromBelow + 32, fromRow, aBelow, 4, 24, next, bRow, depth, COLUMNS, least,
              );
              strip++;
              continue;
            }
            columnStrip(to, 4 * N, from, fromRow, a, 4 * depth, 4 * tileRows, b, bRow, rows, depth, width, least);
          } else if (transposeA) {
            columnStrip(to, 4 * N, from, fromRow, A + 4 * (k * M + row), 4, 4 * M, b, bRow, rows, depth, width, least);
          } else {
            rowStrip(to, 4 * N, from, fromRow, A + 4 * (row * K + k), 4 * K, b, bRow, rows, depth, width, least);
          }
        }
      }
    }
  }
}

/** Copies strips [strip, endStrip) of rows [k, k + depth) of B to `to`. */
function packStrips(
  to: usize, B: usize, N: i32, K: i32, k: i32, depth: i32,
  strip: i32, endStrip: i32, transposeB: bool,
): void {
  for (; strip < endStrip; strip++) {
    const n = strip * COLUMNS;
    if (transposeB) packTransposed(to, B + 4 * (n * K + k), 4 * K, depth, min(COLUMNS, N - n));
    else packStraight(to, B + 4 * (k * N + n), 4 * N, depth);
    to += 4 * COLUMNS * depth;
  }
}

/** Copies tiles [tile, endTile) of columns [k, k + depth) of A to `to`. */
function packTiles(
  to: usize, A: usize, M: i32, K: i32, k: i32, depth: i32,
  tile: i32, endTile: i32, transposeA: bool,
): void {
  for (; tile < endTile; tile++) {
    const m = tile * tileRows;
    const rows = min(tileRows, M - m);
    if (transposeA) packColumns(to, A + 4 * (k * M + m), 4 * M, depth, 4 * tileRows);
    else packRows(to, A + 4 * (m * K + k), 4 * K, depth, rows, 4 * tileRows);
    to += 4 * tileRows * depth;
  }
}

/** All rows of one strip, A stored along k: six pointers walk six rows. */
function rowStrip(
  to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, aRow: i32,
  b: usize, bRow: i32,
  M: i32, K: i32, width: i32, least: f32,
): void {
  let i = 0;
  if (width > 4 && tileRows == 6) {
    for (; i + 6 <= M; i += 6) {
      tile(6, 8, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, aRow, 4, b, bRow, K, width, least);
    }
  } else if (width > 4) {
    for (; i + 4 <= M; i += 4) {
      tile(4, 8, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, aRow, 4, b, bRow, K, width, least);
    }
  } else {
    for (; i + 6 <= M; i += 6) {
      tile(6, 4, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, aRow, 4, b, bRow, K, width, least);
    }
  }
  if (i < M) {
    lastRows(M - i, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, aRow, 4, b, bRow, K, width, least);
  }
}

/**
 * All rows of one strip, those of a tile stored side by side: one pointer, constant offsets.
 *
 * @param aRow bytes from one row's place to the next row's in the next tile, over the rows between
 */
function columnStrip(
  to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32,
  M: i32, K: i32, width: i32, least: f32,
): void {
  let i = 0;
  if (width > 4 && tileRows == 6) {
    for (; i + 6 <= M; i += 6) {
      tile(6, 8, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, 4, aColumn, b, bRow, K, width, least);
    }
  } else if (tileRows == 6) {
    for (; i + 6 <= M; i += 6) {
      tile(6, 4, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, 4, aColumn, b, bRow, K, width, least);
    }
  } else {
    for (; i + 4 <= M; i += 4) {
      tile(4, 8, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, 4, aColumn, b, bRow, K, width, least);
    }
  }
  if (i < M) {
    lastRows(M - i, to + i * toRow, toRow, from + i * fromRow, fromRow, a + i * aRow, 4, aColumn, b, bRow, K, width, least);
  }
}

/** The one to five rows below the last whole tile, in tiles of four, two and one. */
function lastRows(
  rows: i32, to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, K: i32, width: i32, least: f32,
): void {
  if (rows & 4) {
    tile(4, 8, to, toRow, from, fromRow, a, aRow, aColumn, b, bRow, K, width, least);
    to += 4 * toRow;
    from += 4 * fromRow;
    a += 4 * aRow;
  }
  if (rows & 2) {
    tile(2, 8, to, toRow, from, fromRow, a, aRow, aColumn, b, bRow, K, width, least);
    to += 2 * toRow;
    from += 2 * fromRow;
    a += 2 * aRow;
  }
  if (rows & 1) tile(1, 8, to, toRow, from, fromRow, a, aRow, aColumn, b, bRow, K, width, least);
}

/**
 * One tile of `rows` × `columns`. Both are literals at every call, so that the compiler keeps only
 * the accumulators that exist: accIJ holds columns 4J … 4J+3 of row I.
 */
// @ts-ignore: decorator
@inline function tile(
  rows: i32, columns: i32,
  to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, K: i32, width: i32, least: f32,
): void {
  // Sums that the tile lacks are never loaded: their rows may lie beyond the end of the memory.
  let acc00 = v128.load(from);
  let acc01 = columns > 4 ? v128.load(from, 16) : acc00;
  let acc10 = rows > 1 ? v128.load(from + fromRow) : acc00;
  let acc11 = rows > 1 && columns > 4 ? v128.load(from + fromRow, 16) : acc00;
  let acc20 = rows > 2 ? v128.load(from + 2 * fromRow) : acc00;
  let acc21 = rows > 2 && columns > 4 ? v128.load(from + 2 * fromRow, 16) : acc00;
  let acc30 = rows > 3 ? v128.load(from + 3 * fromRow) : acc00;
  let acc31 = rows > 3 && columns > 4 ? v128.load(from + 3 * fromRow, 16) : acc00;
  let acc40 = rows > 4 ? v128.load(from + 4 * fromRow) : acc00;
  let acc41 = rows > 4 && columns > 4 ? v128.load(from + 4 * fromRow, 16) : acc00;
  let acc50 = rows > 5 ? v128.load(from + 5 * fromRow) : acc00;
  let acc51 = rows > 5 && columns > 4 ? v128.load(from + 5 * fromRow, 16) : acc00;
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
  const floor = f32x4.splat(least);
  // Whole rows are stored here and side by side, where V8 can make one 256-bit vector of two.
  if (columns > 4 && width == COLUMNS) {
    storeWhole(to, acc00, acc01, floor);
    if (rows > 1) storeWhole(to + toRow, acc10, acc11, floor);
    if (rows > 2) storeWhole(to + 2 * toRow, acc20, acc21, floor);
    if (rows > 3) storeWhole(to + 3 * toRow, acc30, acc31, floor);
    if (rows > 4) storeWhole(to + 4 * toRow, acc40, acc41, floor);
    if (rows > 5) storeWhole(to + 5 * toRow, acc50, acc51, floor);
    return;
  }
  storeRow(to, acc00, acc01, width, floor);
  if (rows > 1) storeRow(to + toRow, acc10, acc11, width, floor);
  if (rows > 2) storeRow(to + 2 * toRow, acc20, acc21, width, floor);
  if (rows > 3) storeRow(to + 3 * toRow, acc30, acc31, width, floor);
  if (rows > 4) storeRow(to + 4 * toRow, acc40, acc41, width, floor);
  if (rows > 5) storeRow(to + 5 * toRow, acc50, acc51, width, floor);
}

// @ts-ignore: decorator
@inline function storeWhole(to: usize, low: v128, high: v128, floor: v128): void {
  v128.store(to, atLeast(low, floor));
  v128.store(to, atLeast(high, floor), 16);
}

/** Stores the first `width` of eight columns. */
function storeRow(to: usize, low: v128, high: v128, width: i32, floor: v128): void {
  storeLanes(to, atLeast(low, floor), width);
  if (width > 4) storeLanes(to + 16, atLeast(high, floor), width - 4);
}

/** C (M) = A (M, K)·b (K): a dot product a row, in four chains of four lanes. */
function matrixVector(C: usize, A: usize, b: usize, bias: usize, M: i32, K: i32, floor: f32): void {
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
    sum += start;
    store<f32>(C + 4 * i, sum < floor ? floor : sum);
  }
}
