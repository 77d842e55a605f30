// Micro-kernels of the GEMM, and the loops over the tiles of one strip: C ← max(init + A·B, clampMin).
// The epilogue of the last block of k applies clampMin.
//
// A tile of C has up to 6 rows and 8 columns (a register tile). Its sums stay in twelve accumulators
// while k runs:
//
//              B[k, j … j+7]       two vectors, loaded
//   A[i … i+5, k]   acc            six numbers, each broadcast to all four lanes
//
// V8 hands out fifteen vector registers; three are left for the operands. After each block of
// TERMS_PER_BLOCK terms, the sums are added to those of the earlier blocks, in memory (block-sum.ts).
// Every element of C is summed in the same order in any tile.
//
// Parameters of all functions here and in gemm-pairs.ts; strides are in bytes:
//
//   c, cStride         first element of C, and from one row to the next
//   init, initStride   what the sums are added to: a bias or zeros (stride 0), or C itself (cStride)
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
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { addCompensated, errorOffset } from './block-sum';
import { COLUMNS } from './gemm-packing';
import { atLeast, multiplyAdd, storeLanes } from './simd';
import { blockSums } from './threads';
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
  const partial = blockSums();
  let isFirst = true;
  for (;;) {
    let acc00 = f32x4.splat(0), acc01 = acc00;
    let acc10 = acc00, acc11 = acc00;
    let acc20 = acc00, acc21 = acc00;
    let acc30 = acc00, acc31 = acc00;
    let acc40 = acc00, acc41 = acc00;
    let acc50 = acc00, acc51 = acc00;
    const end = a + min(K, TERMS_PER_BLOCK) * aColumnStride;
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
    if (!isFirst) {
      acc00 = f32x4.add(v128.load(partial, 0), acc00);
      if (columns > 4) acc01 = f32x4.add(v128.load(partial, 16), acc01);
      if (rows > 1) acc10 = f32x4.add(v128.load(partial, 32), acc10);
      if (rows > 1 && columns > 4) acc11 = f32x4.add(v128.load(partial, 48), acc11);
      if (rows > 2) acc20 = f32x4.add(v128.load(partial, 64), acc20);
      if (rows > 2 && columns > 4) acc21 = f32x4.add(v128.load(partial, 80), acc21);
      if (rows > 3) acc30 = f32x4.add(v128.load(partial, 96), acc30);
      if (rows > 3 && columns > 4) acc31 = f32x4.add(v128.load(partial, 112), acc31);
      if (rows > 4) acc40 = f32x4.add(v128.load(partial, 128), acc40);
      if (rows > 4 && columns > 4) acc41 = f32x4.add(v128.load(partial, 144), acc41);
      if (rows > 5) acc50 = f32x4.add(v128.load(partial, 160), acc50);
      if (rows > 5 && columns > 4) acc51 = f32x4.add(v128.load(partial, 176), acc51);
    }
    K -= TERMS_PER_BLOCK;
    if (K <= 0) {
      const lowerBound = f32x4.splat(clampMin);
      // The epilogue. Whole rows are stored here, in neighbouring instructions, so that V8 can make one
      // 256-bit vector of two.
      if (columns > 4 && width == COLUMNS) {
        storeWhole(c, init, acc00, acc01, lowerBound);
        if (rows > 1) storeWhole(c + cStride, init + initStride, acc10, acc11, lowerBound);
        if (rows > 2) storeWhole(c + 2 * cStride, init + 2 * initStride, acc20, acc21, lowerBound);
        if (rows > 3) storeWhole(c + 3 * cStride, init + 3 * initStride, acc30, acc31, lowerBound);
        if (rows > 4) storeWhole(c + 4 * cStride, init + 4 * initStride, acc40, acc41, lowerBound);
        if (rows > 5) storeWhole(c + 5 * cStride, init + 5 * initStride, acc50, acc51, lowerBound);
        return;
      }
      storeRow(c, init, acc00, acc01, width, lowerBound);
      if (rows > 1) storeRow(c + cStride, init + initStride, acc10, acc11, width, lowerBound);
      if (rows > 2) storeRow(c + 2 * cStride, init + 2 * initStride, acc20, acc21, width, lowerBound);
      if (rows > 3) storeRow(c + 3 * cStride, init + 3 * initStride, acc30, acc31, width, lowerBound);
      if (rows > 4) storeRow(c + 4 * cStride, init + 4 * initStride, acc40, acc41, width, lowerBound);
      if (rows > 5) storeRow(c + 5 * cStride, init + 5 * initStride, acc50, acc51, width, lowerBound);
      return;
    }
    v128.store(partial, acc00, 0);
    if (columns > 4) v128.store(partial, acc01, 16);
    if (rows > 1) v128.store(partial, acc10, 32);
    if (rows > 1 && columns > 4) v128.store(partial, acc11, 48);
    if (rows > 2) v128.store(partial, acc20, 64);
    if (rows > 2 && columns > 4) v128.store(partial, acc21, 80);
    if (rows > 3) v128.store(partial, acc30, 96);
    if (rows > 3 && columns > 4) v128.store(partial, acc31, 112);
    if (rows > 4) v128.store(partial, acc40, 128);
    if (rows > 4 && columns > 4) v128.store(partial, acc41, 144);
    if (rows > 5) v128.store(partial, acc50, 160);
    if (rows > 5 && columns > 4) v128.store(partial, acc51, 176);
    isFirst = false;
  }
}

// @ts-ignore: decorator
@inline function storeWhole(c: usize, init: usize, low: v128, high: v128, lowerBound: v128): void {
  if (errorOffset) return addCompensated(c, init, low, high, COLUMNS, lowerBound);
  v128.store(c, atLeast(f32x4.add(v128.load(init), low), lowerBound));
  v128.store(c, atLeast(f32x4.add(v128.load(init, 16), high), lowerBound), 16);
}

/** Stores the first `width` of eight columns. */
function storeRow(c: usize, init: usize, low: v128, high: v128, width: i32, lowerBound: v128): void {
  if (errorOffset) return addCompensated(c, init, low, high, width, lowerBound);
  storeLanes(c, atLeast(f32x4.add(v128.load(init), low), lowerBound), width);
  if (width > 4) storeLanes(c + 16, atLeast(f32x4.add(v128.load(init, 16), high), lowerBound), width - 4);
}
