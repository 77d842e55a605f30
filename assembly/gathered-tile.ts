// The micro-kernel of implicit GEMM. A is the im2col matrix, which is never stored: its rows are windows
// of images, whose elements conv2d.ts and conv2d-weight.ts locate.
//
//   C[r, n] = max(init[r, n] + Σ over runs, Σ over k in the run:  A[r, k] B[k, n], clampMin)
//
// A tile has up to 6 rows and 8 columns, and B is packed as [k][8]. Rows of A and C may lie anywhere; a
// table has an entry for each:
//
//   [ u32 address of the row of A | u32 address of the row of C ]
//
// All rows of a tile have their elements at the same offsets from these addresses. A list describes
// them as runs, within which one k is `aStep` bytes from the next:
//
//   [ i32 offset from the row of A, in bytes | i32 first k, a row of B | i32 count | i32 ends a block ]
//
// As in gemm-tile.ts, the sums of a register tile stay in twelve accumulators (accIJ holds columns
// 4J … 4J+3 of row I). After the last run of a block, they are added to the sums of earlier blocks, in
// memory. `endBlocks` divides the list into blocks, so the result does not depend on the tile.
//
// Parameters of the functions below:
//
//   runs, endRuns   the list of runs
//   aOffset         bytes to add to the address of a row of A: this tile's channels
//   aStep           bytes from one k to the next, in a run
//   b               this tile's columns in row 0 of B
//   cOffset         bytes to add to the address of a row of C: this tile's columns
//   width           columns of C to store, 1 … 8
//   init            address of eight numbers that the sums are added to; 0 for zeros, ACCUMULATE for C
//   clampMin        lower bound of the results: 0 for ReLU, NO_CLAMP for none
//
// The caller guarantees that 8 columns of C and init can be read. Only `width` columns are written.
import { addCompensated, errorOffset } from './block-sum';
import { COLUMNS } from './gemm-packing';
import { atLeast, multiplyAdd, storeLanes } from './simd';
import { blockSums } from './threads';

/** Bytes of an entry of the table of rows, and of the list of runs. */
export const ROW: i32 = 8;
export const RUN: i32 = 16;
/** Bytes from one row of packed B to the next. */
const B_ROW: i32 = 4 * COLUMNS;

const ZEROS = memory.data(32, 16);

/** First row of a tile, where `rows` rows are divided into `tiles` tiles of nearly equal size. */
export function tileBegin(tile: i32, rows: i32, tiles: i32): i32 {
  return <i32>(<i64>tile * rows / tiles);
}

/**
 * Tiles [tile, end) of the `tiles` tiles into which `rows` rows are divided.
 *
 * @param rowTable entries of the rows from number `first` on
 */
export function gatheredTiles(
  tile: i32, end: i32, tiles: i32, rows: i32,
  rowTable: usize, first: i32, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  assert(rows <= 6 * tiles && end <= tiles && width >= 1 && width <= COLUMNS);
  let row = tileBegin(tile, rows, tiles);
  while (tile < end) {
    const next = tileBegin(++tile, rows, tiles);
    gatheredTile(
      next - row, rowTable + ROW * (row - first), runs, endRuns,
      aOffset, aStep, b, cOffset, width, init, clampMin,
    );
    row = next;
  }
}

/** A tile of 1 … 6 rows; `rows` is its part of the table. */
function gatheredTile(
  count: i32, rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  switch (count) {
    case 6: return tile6(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
    case 5: return tile5(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
    case 4: return tile4(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
    case 3: return tile3(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
    case 2: return tile2(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
    default: return tile1(rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
  }
}

/** Value of `init`: add to C. */
export const ACCUMULATE: usize = 1;

// @ts-ignore: decorator
@inline function tile(
  count: i32, rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  // Rows that the tile lacks repeat the first one; the compiler drops what is never stored.
  const c0 = <usize>load<u32>(rows, 4) + cOffset;
  const c1 = count > 1 ? <usize>load<u32>(rows, ROW + 4) + cOffset : c0;
  const c2 = count > 2 ? <usize>load<u32>(rows, 2 * ROW + 4) + cOffset : c0;
  const c3 = count > 3 ? <usize>load<u32>(rows, 3 * ROW + 4) + cOffset : c0;
  const c4 = count > 4 ? <usize>load<u32>(rows, 4 * ROW + 4) + cOffset : c0;
  const c5 = count > 5 ? <usize>load<u32>(rows, 5 * ROW + 4) + cOffset : c0;
  const a0 = <usize>load<u32>(rows) + aOffset;
  const a1 = count > 1 ? <usize>load<u32>(rows, ROW) + aOffset : a0;
  const a2 = count > 2 ? <usize>load<u32>(rows, 2 * ROW) + aOffset : a0;
  const a3 = count > 3 ? <usize>load<u32>(rows, 3 * ROW) + aOffset : a0;
  const a4 = count > 4 ? <usize>load<u32>(rows, 4 * ROW) + aOffset : a0;
  const a5 = count > 5 ? <usize>load<u32>(rows, 5 * ROW) + aOffset : a0;
  const partial = blockSums();
  let isFirst = true;
  for (;;) {
    let acc00 = f32x4.splat(0), acc01 = acc00;
    let acc10 = acc00, acc11 = acc00;
    let acc20 = acc00, acc21 = acc00;
    let acc30 = acc00, acc31 = acc00;
    let acc40 = acc00, acc41 = acc00;
    let acc50 = acc00, acc51 = acc00;
    let ends: i32;
    do {
      let offset = load<i32>(runs);
      let bRow = b + load<i32>(runs, 4) * B_ROW;
      const end = offset + load<i32>(runs, 8) * aStep;
      ends = load<i32>(runs, 12);
      runs += RUN;
      for (; offset != end; offset += aStep, bRow += B_ROW) {
        const b0 = v128.load(bRow);
        const b1 = v128.load(bRow, 16);
        let x = v128.load32_splat(a0 + offset);
        acc00 = multiplyAdd(x, b0, acc00);
        acc01 = multiplyAdd(x, b1, acc01);
        if (count > 1) {
          x = v128.load32_splat(a1 + offset);
          acc10 = multiplyAdd(x, b0, acc10);
          acc11 = multiplyAdd(x, b1, acc11);
        }
        if (count > 2) {
          x = v128.load32_splat(a2 + offset);
          acc20 = multiplyAdd(x, b0, acc20);
          acc21 = multiplyAdd(x, b1, acc21);
        }
        if (count > 3) {
          x = v128.load32_splat(a3 + offset);
          acc30 = multiplyAdd(x, b0, acc30);
          acc31 = multiplyAdd(x, b1, acc31);
        }
        if (count > 4) {
          x = v128.load32_splat(a4 + offset);
          acc40 = multiplyAdd(x, b0, acc40);
          acc41 = multiplyAdd(x, b1, acc41);
        }
        if (count > 5) {
          x = v128.load32_splat(a5 + offset);
          acc50 = multiplyAdd(x, b0, acc50);
          acc51 = multiplyAdd(x, b1, acc51);
        }
      }
    } while (!ends);
    if (!isFirst) {
      acc00 = f32x4.add(v128.load(partial, 0), acc00);
      acc01 = f32x4.add(v128.load(partial, 16), acc01);
      if (count > 1) acc10 = f32x4.add(v128.load(partial, 32), acc10);
      if (count > 1) acc11 = f32x4.add(v128.load(partial, 48), acc11);
      if (count > 2) acc20 = f32x4.add(v128.load(partial, 64), acc20);
      if (count > 2) acc21 = f32x4.add(v128.load(partial, 80), acc21);
      if (count > 3) acc30 = f32x4.add(v128.load(partial, 96), acc30);
      if (count > 3) acc31 = f32x4.add(v128.load(partial, 112), acc31);
      if (count > 4) acc40 = f32x4.add(v128.load(partial, 128), acc40);
      if (count > 4) acc41 = f32x4.add(v128.load(partial, 144), acc41);
      if (count > 5) acc50 = f32x4.add(v128.load(partial, 160), acc50);
      if (count > 5) acc51 = f32x4.add(v128.load(partial, 176), acc51);
    }
    if (runs >= endRuns) {
      const lowerBound = f32x4.splat(clampMin);
      const initial = init == 0 ? ZEROS : init;
      const adds = init == ACCUMULATE;
      storeRow(c0, adds ? c0 : initial, acc00, acc01, width, lowerBound);
      if (count > 1) storeRow(c1, adds ? c1 : initial, acc10, acc11, width, lowerBound);
      if (count > 2) storeRow(c2, adds ? c2 : initial, acc20, acc21, width, lowerBound);
      if (count > 3) storeRow(c3, adds ? c3 : initial, acc30, acc31, width, lowerBound);
      if (count > 4) storeRow(c4, adds ? c4 : initial, acc40, acc41, width, lowerBound);
      if (count > 5) storeRow(c5, adds ? c5 : initial, acc50, acc51, width, lowerBound);
      return;
    }
    v128.store(partial, acc00, 0);
    v128.store(partial, acc01, 16);
    if (count > 1) v128.store(partial, acc10, 32);
    if (count > 1) v128.store(partial, acc11, 48);
    if (count > 2) v128.store(partial, acc20, 64);
    if (count > 2) v128.store(partial, acc21, 80);
    if (count > 3) v128.store(partial, acc30, 96);
    if (count > 3) v128.store(partial, acc31, 112);
    if (count > 4) v128.store(partial, acc40, 128);
    if (count > 4) v128.store(partial, acc41, 144);
    if (count > 5) v128.store(partial, acc50, 160);
    if (count > 5) v128.store(partial, acc51, 176);
    isFirst = false;
  }
}

/** The epilogue: stores max(init + ·, lowerBound) of the first `width` of eight columns. */
// @ts-ignore: decorator
@inline function storeRow(to: usize, init: usize, low: v128, high: v128, width: i32, lowerBound: v128): void {
  if (errorOffset) return addCompensated(to, init, low, high, width, lowerBound);
  low = atLeast(f32x4.add(v128.load(init), low), lowerBound);
  high = atLeast(f32x4.add(v128.load(init, 16), high), lowerBound);
  if (width >= COLUMNS) {
    v128.store(to, low);
    v128.store(to, high, 16);
  } else {
    storePart(to, low, high, width);
  }
}

function storePart(to: usize, low: v128, high: v128, width: i32): void {
  storeLanes(to, low, width);
  if (width > 4) storeLanes(to + 16, high, width - 4);
}

// One function for each number of rows. With all of them in one function, V8 before version 13 keeps
// few accumulators in registers, and convolutions run at 20 GFLOP/s instead of 46.
function tile6(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(6, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}

function tile5(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(5, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}

function tile4(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(4, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}

function tile3(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(3, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}

function tile2(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(2, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}

function tile1(
  rows: usize, runs: usize, endRuns: usize,
  aOffset: usize, aStep: i32, b: usize,
  cOffset: usize, width: i32, init: usize, clampMin: f32,
): void {
  tile(1, rows, runs, endRuns, aOffset, aStep, b, cOffset, width, init, clampMin);
}
