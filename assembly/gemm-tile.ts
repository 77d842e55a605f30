// Micro-kernels of the GEMM, and the loops over the tiles of one strip: C ← max(init + A·B, clampMin).
// The epilogue of the last block of k applies clampMin.
//
// A tile of C has up to 6 rows and 8 columns (a register tile). Its sums stay in twelve accumulators
// while k runs:
//
//              B[k, j … j+7]       two vectors, loaded
//   A[i … i+5, k]   acc            six numbers, each broadcast to all four lanes
//
// V8 hands out fifteen vector registers; three are left for the operands. Every element of C is summed
// by one chain over ascending k, in any tile.
//
// Parameters of all functions here and in gemm-pairs.ts; strides are in bytes:
//
//   c, cStride         first element of C, and from one row to the next
//   init, initStride   initial values of the sums: a bias or zeros (stride 0), or C itself (cStride)
//   a                  first element of A
//   aRowStride         from A[i, k] to A[i + 1, k]
//   aColumnStride      from A[i, k] to A[i, k + 1]
//   b, bStride         first element of B, and from one row (k) to the next; columns are adjacent
//   rows, K            rows of C and A; columns of A, which are rows of B
//   width              columns of C to store, 1 … 8
//   clampMin           lower bound of the results: 0 for ReLU, NO_CLAMP for none
//
// The caller guarantees that `rows` rows of A, C and init and 8 columns of B, C and init can be read,
// even where `width` is less: tensors are padded (PADDING in src/backends/wasm/constants.ts). Only
// `width` columns of C are written. Assertions state the other preconditions; the builds omit them
// (noAssert in asconfig.json).
import { COLUMNS } from './gemm-packing';
import { atLeast, multiplyAdd, storeLanes } from './simd';
import { tileRows } from './tile-rows';

/** All rows of one strip, for A stored along k: one pointer per row of the tile. */
export function rowStrip(
  c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, aRowStride: i32,
  b: usize, bStride: i32,
  rows: i32, K: i32, width: i32, clampMin: f32,
): void {
  strip(
    6, c, cStride, init, initStride, a, aRowStride, aRowStride, 4, b, bStride,
    rows, K, width, clampMin,
  );
}

/**
 * All rows of one strip, for A with the rows of a tile side by side: one pointer, constant offsets.
 *
 * @param aAdvance bytes of A from one tile to the next, divided by the rows of a tile
 */
export function columnStrip(
  c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, aAdvance: i32, aColumnStride: i32,
  b: usize, bStride: i32,
  rows: i32, K: i32, width: i32, clampMin: f32,
): void {
  strip(
    tileRows, c, cStride, init, initStride, a, aAdvance, 4, aColumnStride, b, bStride,
    rows, K, width, clampMin,
  );
}

/** @param narrowRows rows of a tile where `width` is at most 4 */
// @ts-ignore: decorator
@inline function strip(
  narrowRows: i32, c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, aAdvance: i32, aRowStride: i32, aColumnStride: i32,
  b: usize, bStride: i32,
  rows: i32, K: i32, width: i32, clampMin: f32,
): void {
  assert(rows >= 1 && K >= 1 && width >= 1 && width <= COLUMNS);
  let i = 0;
  if (width > 4 && tileRows == 6) {
    for (; i + 6 <= rows; i += 6) {
      tile(
        6, 8, c + i * cStride, cStride, init + i * initStride, initStride,
        a + i * aAdvance, aRowStride, aColumnStride, b, bStride, K, width, clampMin,
      );
    }
  } else if (width <= 4 && narrowRows == 6) {
    for (; i + 6 <= rows; i += 6) {
      tile(
        6, 4, c + i * cStride, cStride, init + i * initStride, initStride,
        a + i * aAdvance, aRowStride, aColumnStride, b, bStride, K, width, clampMin,
      );
    }
  } else {
    for (; i + 4 <= rows; i += 4) {
      tile(
        4, 8, c + i * cStride, cStride, init + i * initStride, initStride,
        a + i * aAdvance, aRowStride, aColumnStride, b, bStride, K, width, clampMin,
      );
    }
  }
  if (i < rows) {
    lastRows(
      rows - i, c + i * cStride, cStride, init + i * initStride, initStride,
      a + i * aAdvance, aRowStride, aColumnStride, b, bStride, K, width, clampMin,
    );
  }
}

/** The last one to five rows, in tiles of four, two and one. */
export function lastRows(
  rows: i32, c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, aRowStride: i32, aColumnStride: i32,
  b: usize, bStride: i32, K: i32, width: i32, clampMin: f32,
): void {
  assert(rows <= 5);
  if (rows & 4) {
    tile(4, 8, c, cStride, init, initStride, a, aRowStride, aColumnStride, b, bStride, K, width, clampMin);
    c += 4 * cStride;
    init += 4 * initStride;
    a += 4 * aRowStride;
  }
  if (rows & 2) {
    tile(2, 8, c, cStride, init, initStride, a, aRowStride, aColumnStride, b, bStride, K, width, clampMin);
    c += 2 * cStride;
    init += 2 * initStride;
    a += 2 * aRowStride;
  }
  if (rows & 1) {
    tile(
      1, 8, c, cStride, init, initStride,
      a, aRowStride, aColumnStride, b, bStride, K, width, clampMin,
    );
  }
}

/**
 * The micro-kernel: one tile of `rows` × `columns`. Both are literals at every call, so that the
 * compiler keeps only the accumulators that exist: accIJ holds columns 4J … 4J+3 of row I.
 */
// @ts-ignore: decorator
@inline function tile(
  rows: i32, columns: i32,
  c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, aRowStride: i32, aColumnStride: i32,
  b: usize, bStride: i32, K: i32, width: i32, clampMin: f32,
): void {
  // Accumulators that the tile lacks are not loaded: their rows may lie beyond the end of the memory.
  let acc00 = v128.load(init);
  let acc01 = columns > 4 ? v128.load(init, 16) : acc00;
  let acc10 = rows > 1 ? v128.load(init + initStride) : acc00;
  let acc11 = rows > 1 && columns > 4 ? v128.load(init + initStride, 16) : acc00;
  let acc20 = rows > 2 ? v128.load(init + 2 * initStride) : acc00;
  let acc21 = rows > 2 && columns > 4 ? v128.load(init + 2 * initStride, 16) : acc00;
  let acc30 = rows > 3 ? v128.load(init + 3 * initStride) : acc00;
  let acc31 = rows > 3 && columns > 4 ? v128.load(init + 3 * initStride, 16) : acc00;
  let acc40 = rows > 4 ? v128.load(init + 4 * initStride) : acc00;
  let acc41 = rows > 4 && columns > 4 ? v128.load(init + 4 * initStride, 16) : acc00;
  let acc50 = rows > 5 ? v128.load(init + 5 * initStride) : acc00;
  let acc51 = rows > 5 && columns > 4 ? v128.load(init + 5 * initStride, 16) : acc00;
  const end = a + K * aColumnStride;
  for (; a < end; a += aColumnStride, b += bStride) {
    const b0 = v128.load(b);
    const b1 = columns > 4 ? v128.load(b, 16) : b0;
    let x = v128.load32_splat(a);
    acc00 = multiplyAdd(x, b0, acc00);
    if (columns > 4) acc01 = multiplyAdd(x, b1, acc01);
    if (rows > 1) {
      x = v128.load32_splat(a + aRowStride);
      acc10 = multiplyAdd(x, b0, acc10);
      if (columns > 4) acc11 = multiplyAdd(x, b1, acc11);
    }
    if (rows > 2) {
      x = v128.load32_splat(a + 2 * aRowStride);
      acc20 = multiplyAdd(x, b0, acc20);
      if (columns > 4) acc21 = multiplyAdd(x, b1, acc21);
    }
    if (rows > 3) {
      x = v128.load32_splat(a + 3 * aRowStride);
      acc30 = multiplyAdd(x, b0, acc30);
      if (columns > 4) acc31 = multiplyAdd(x, b1, acc31);
    }
    if (rows > 4) {
      x = v128.load32_splat(a + 4 * aRowStride);
      acc40 = multiplyAdd(x, b0, acc40);
      if (columns > 4) acc41 = multiplyAdd(x, b1, acc41);
    }
    if (rows > 5) {
      x = v128.load32_splat(a + 5 * aRowStride);
      acc50 = multiplyAdd(x, b0, acc50);
      if (columns > 4) acc51 = multiplyAdd(x, b1, acc51);
    }
  }
  const lowerBound = f32x4.splat(clampMin);
  // The epilogue. Whole rows are stored here, in neighbouring instructions, so that V8 can make one
  // 256-bit vector of two.
  if (columns > 4 && width == COLUMNS) {
    storeWhole(c, acc00, acc01, lowerBound);
    if (rows > 1) storeWhole(c + cStride, acc10, acc11, lowerBound);
    if (rows > 2) storeWhole(c + 2 * cStride, acc20, acc21, lowerBound);
    if (rows > 3) storeWhole(c + 3 * cStride, acc30, acc31, lowerBound);
    if (rows > 4) storeWhole(c + 4 * cStride, acc40, acc41, lowerBound);
    if (rows > 5) storeWhole(c + 5 * cStride, acc50, acc51, lowerBound);
    return;
  }
  storeRow(c, acc00, acc01, width, lowerBound);
  if (rows > 1) storeRow(c + cStride, acc10, acc11, width, lowerBound);
  if (rows > 2) storeRow(c + 2 * cStride, acc20, acc21, width, lowerBound);
  if (rows > 3) storeRow(c + 3 * cStride, acc30, acc31, width, lowerBound);
  if (rows > 4) storeRow(c + 4 * cStride, acc40, acc41, width, lowerBound);
  if (rows > 5) storeRow(c + 5 * cStride, acc50, acc51, width, lowerBound);
}

// @ts-ignore: decorator
@inline function storeWhole(c: usize, low: v128, high: v128, lowerBound: v128): void {
  v128.store(c, atLeast(low, lowerBound));
  v128.store(c, atLeast(high, lowerBound), 16);
}

/** Stores the first `width` of eight columns. */
function storeRow(c: usize, low: v128, high: v128, width: i32, lowerBound: v128): void {
  storeLanes(c, atLeast(low, lowerBound), width);
  if (width > 4) storeLanes(c + 16, atLeast(high, lowerBound), width - 4);
}
