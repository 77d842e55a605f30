// One tile of a product whose left factor is not a matrix in memory: assembly/conv2d.ts finds its
// rows in images.
//
//   to[r, n] = from[r, n] + Σ over runs, Σ over k in the run:  a[r, k] b[k, n],   b packed as [k][8]
//
// A tile has up to 6 rows and 8 columns. Its rows are anywhere; a table has, for each,
//
//   [ u32 where its numbers begin | u32 where its results go ]
//
// and all rows of a tile find their numbers at the same distances from there, in runs of equal steps:
//
//   [ i32 bytes from the row's beginning | i32 first k, a row of b | i32 count ]
//
// As in gemm.ts, sums stay in twelve registers, each element has one chain over ascending runs and k,
// and the result does not depend on the tile it falls into.
import { atLeast, multiplyAdd, storeLanes } from './simd';

/** Bytes of an entry of the table of rows, and of the list of runs. */
export const ROW: i32 = 8;
export const RUN: i32 = 12;
/** Columns of a tile. */
export const COLUMNS: i32 = 8;
/** Bytes from one row of b to the next. */
const B_ROW: i32 = 4 * COLUMNS;

const ZEROS = memory.data(32, 16);

/** Where a tile begins when `rows` are cut into `tiles` of as equal a size as can be. */
export function tileBegin(tile: i32, rows: i32, tiles: i32): i32 {
  return <i32>(<i64>tile * rows / tiles);
}

/**
 * Tiles [tile, end) of the `tiles` that so many rows are cut into.
 *
 * @param rows in all
 * @param table entries of the rows from number `first` on
 * @param shift bytes from a row's beginning to this tile's channels
 * @param step bytes from one k to the next, in a run
 * @param b where the columns of this tile begin in row 0 of b
 * @param column bytes from where a row's results begin to this tile's columns
 * @param width how many of the eight columns exist
 * @param from address of eight numbers to begin with; 0 for zeros, `ACCUMULATE` for what is there
 * @param floor least result: 0 for ReLU, −∞ for none
 */
export function gatheredTiles(
  tile: i32, end: i32, tiles: i32, rows: i32,
  table: usize, first: i32, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  let row = tileBegin(tile, rows, tiles);
  while (tile < end) {
    const next = tileBegin(++tile, rows, tiles);
    gatheredTile(
      next - row, table + ROW * (row - first), runs, endRuns,
      shift, step, b, column, width, from, floor,
    );
    row = next;
  }
}

/** A tile of 1 … 6 rows. */
function gatheredTile(
  count: i32, rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  switch (count) {
    case 6: return tile6(rows, runs, endRuns, shift, step, b, column, width, from, floor);
    case 5: return tile5(rows, runs, endRuns, shift, step, b, column, width, from, floor);
    case 4: return tile4(rows, runs, endRuns, shift, step, b, column, width, from, floor);
    case 3: return tile3(rows, runs, endRuns, shift, step, b, column, width, from, floor);
    case 2: return tile2(rows, runs, endRuns, shift, step, b, column, width, from, floor);
    default: return tile1(rows, runs, endRuns, shift, step, b, column, width, from, floor);
  }
}

/** Begin with what is there. */
export const ACCUMULATE: usize = 1;

// @ts-ignore: decorator
@inline function tile(
  count: i32, rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  // Rows that the tile lacks repeat the first one, and the compiler drops what is never stored.
  const to0 = <usize>load<u32>(rows, 4) + column;
  const to1 = count > 1 ? <usize>load<u32>(rows, ROW + 4) + column : to0;
  const to2 = count > 2 ? <usize>load<u32>(rows, 2 * ROW + 4) + column : to0;
  const to3 = count > 3 ? <usize>load<u32>(rows, 3 * ROW + 4) + column : to0;
  const to4 = count > 4 ? <usize>load<u32>(rows, 4 * ROW + 4) + column : to0;
  const to5 = count > 5 ? <usize>load<u32>(rows, 5 * ROW + 4) + column : to0;
  const start = from == 0 ? ZEROS : from;
  const adds = from == ACCUMULATE;
  let acc00 = v128.load(adds ? to0 : start);
  let acc01 = v128.load(adds ? to0 : start, 16);
  let acc10 = count > 1 ? v128.load(adds ? to1 : start) : acc00;
  let acc11 = count > 1 ? v128.load(adds ? to1 : start, 16) : acc00;
  let acc20 = count > 2 ? v128.load(adds ? to2 : start) : acc00;
  let acc21 = count > 2 ? v128.load(adds ? to2 : start, 16) : acc00;
  let acc30 = count > 3 ? v128.load(adds ? to3 : start) : acc00;
  let acc31 = count > 3 ? v128.load(adds ? to3 : start, 16) : acc00;
  let acc40 = count > 4 ? v128.load(adds ? to4 : start) : acc00;
  let acc41 = count > 4 ? v128.load(adds ? to4 : start, 16) : acc00;
  let acc50 = count > 5 ? v128.load(adds ? to5 : start) : acc00;
  let acc51 = count > 5 ? v128.load(adds ? to5 : start, 16) : acc00;
  const a0 = <usize>load<u32>(rows) + shift;
  const a1 = count > 1 ? <usize>load<u32>(rows, ROW) + shift : a0;
  const a2 = count > 2 ? <usize>load<u32>(rows, 2 * ROW) + shift : a0;
  const a3 = count > 3 ? <usize>load<u32>(rows, 3 * ROW) + shift : a0;
  const a4 = count > 4 ? <usize>load<u32>(rows, 4 * ROW) + shift : a0;
  const a5 = count > 5 ? <usize>load<u32>(rows, 5 * ROW) + shift : a0;
  for (; runs < endRuns; runs += RUN) {
    let k = load<i32>(runs);
    let at = b + load<i32>(runs, 4) * B_ROW;
    const end = k + load<i32>(runs, 8) * step;
    for (; k != end; k += step, at += B_ROW) {
      const b0 = v128.load(at);
      const b1 = v128.load(at, 16);
      let x = v128.load32_splat(a0 + k);
      acc00 = multiplyAdd(x, b0, acc00);
      acc01 = multiplyAdd(x, b1, acc01);
      if (count > 1) {
        x = v128.load32_splat(a1 + k);
        acc10 = multiplyAdd(x, b0, acc10);
        acc11 = multiplyAdd(x, b1, acc11);
      }
      if (count > 2) {
        x = v128.load32_splat(a2 + k);
        acc20 = multiplyAdd(x, b0, acc20);
        acc21 = multiplyAdd(x, b1, acc21);
      }
      if (count > 3) {
        x = v128.load32_splat(a3 + k);
        acc30 = multiplyAdd(x, b0, acc30);
        acc31 = multiplyAdd(x, b1, acc31);
      }
      if (count > 4) {
        x = v128.load32_splat(a4 + k);
        acc40 = multiplyAdd(x, b0, acc40);
        acc41 = multiplyAdd(x, b1, acc41);
      }
      if (count > 5) {
        x = v128.load32_splat(a5 + k);
        acc50 = multiplyAdd(x, b0, acc50);
        acc51 = multiplyAdd(x, b1, acc51);
      }
    }
  }
  const least = f32x4.splat(floor);
  storeRow(to0, acc00, acc01, width, least);
  if (count > 1) storeRow(to1, acc10, acc11, width, least);
  if (count > 2) storeRow(to2, acc20, acc21, width, least);
  if (count > 3) storeRow(to3, acc30, acc31, width, least);
  if (count > 4) storeRow(to4, acc40, acc41, width, least);
  if (count > 5) storeRow(to5, acc50, acc51, width, least);
}

/** Stores the first `width` of eight columns, each `least` at least. */
// @ts-ignore: decorator
@inline function storeRow(to: usize, low: v128, high: v128, width: i32, least: v128): void {
  low = atLeast(low, least);
  high = atLeast(high, least);
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

// Each count in a function of its own: all in one, V8 before version 13 keeps few of their sums in
// registers, and convolutions run at 20 GFLOP/s instead of 46.
function tile6(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(6, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}

function tile5(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(5, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}

function tile4(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(4, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}

function tile3(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(3, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}

function tile2(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(2, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}

function tile1(
  rows: usize, runs: usize, endRuns: usize,
  shift: usize, step: i32, b: usize,
  column: usize, width: i32, from: usize, floor: f32,
): void {
  tile(1, rows, runs, endRuns, shift, step, b, column, width, from, floor);
}
