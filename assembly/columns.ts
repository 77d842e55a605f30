// Sixteen columns of a row-major matrix at a time: one cache line of each row, in four vectors with one
// accumulator each. Where fewer columns are left, the vectors extend beyond the matrix's end (tensors
// are padded: PADDING in src/backends/wasm/constants.ts), and only the valid lanes are stored.
//
// Each column is summed over ascending rows, in blocks (block-sum.ts) and independently of its
// neighbours, so the result does not depend on how threads share the columns.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { addBlock, clearBlocks, sumOfBlocks } from './block-sum';
import { storeLanes } from './simd';
import { blockSums } from './threads';

/** Columns that are processed together. */
export const WIDTH: i32 = 16;

/** Means of the first `count` columns, 1 … 16. */
export function averageColumns(means: usize, x: usize, rows: i32, rowBytes: i32, count: i32): void {
  const sums = blockSums();
  clearBlocks(sums, 4);
  for (let n = 0; n < rows; ) {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0);
    for (const end = min(n + TERMS_PER_BLOCK, rows); n < end; n++, x += rowBytes) {
      sum0 = f32x4.add(sum0, v128.load(x));
      sum1 = f32x4.add(sum1, v128.load(x, 16));
      sum2 = f32x4.add(sum2, v128.load(x, 32));
      sum3 = f32x4.add(sum3, v128.load(x, 48));
    }
    addBlocks(sums, sum0, sum1, sum2, sum3);
  }
  const N = f32x4.splat(<f32>rows);
  storeColumns(
    means,
    f32x4.div(sumOfBlocks(sums, 0), N),
    f32x4.div(sumOfBlocks(sums, 1), N),
    f32x4.div(sumOfBlocks(sums, 2), N),
    f32x4.div(sumOfBlocks(sums, 3), N),
    count,
  );
}

/** Adds the sums of a block to those of the earlier blocks: vectors `first` … `first` + 3. */
export function addBlocks(
  sums: usize, v0: v128, v1: v128, v2: v128, v3: v128, first: i32 = 0,
): void {
  addBlock(sums, first, v0);
  addBlock(sums, first + 1, v1);
  addBlock(sums, first + 2, v2);
  addBlock(sums, first + 3, v3);
}

/** Stores the first `count` of sixteen numbers. */
// @ts-ignore: decorator
@inline export function storeColumns(
  address: usize,
  v0: v128, v1: v128, v2: v128, v3: v128,
  count: i32,
): void {
  storeLanes(address, v0, count);
  if (count > 4) storeLanes(address + 16, v1, count - 4);
  if (count > 8) storeLanes(address + 32, v2, count - 8);
  if (count > 12) storeLanes(address + 48, v3, count - 12);
}

/** Stores the first `count` of sixteen sums of blocks: vectors `first` … `first` + 3. */
export function storeBlocks(address: usize, sums: usize, count: i32, first: i32 = 0): void {
  storeColumns(
    address,
    sumOfBlocks(sums, first),
    sumOfBlocks(sums, first + 1),
    sumOfBlocks(sums, first + 2),
    sumOfBlocks(sums, first + 3),
    count,
  );
}

/**
 * Copies numbers of groups of D columns to each of their columns.
 *
 * @param from one number per group, `stride` bytes apart
 * @param c the first column, counted from the first column of the first group
 * @param count columns
 */
export function spread(to: usize, from: usize, stride: i32, D: i32, c: i32, count: i32): void {
  let group = from + stride * (c / D);
  let left = D - (c % D);
  for (let j = 0; j < 4 * count; j += 4) {
    store<f32>(to + j, load<f32>(group));
    if (--left > 0) continue;
    group += stride;
    left = D;
  }
}

/** Adds a number of each column to the sum of its group, in float64; parameters as in `spread`. */
export function addToGroups(sums: usize, from: usize, D: i32, c: i32, count: i32): void {
  let group = sums + 8 * (c / D);
  let left = D - (c % D);
  for (let j = 0; j < 4 * count; j += 4) {
    store<f64>(group, load<f64>(group) + <f64>load<f32>(from + j));
    if (--left > 0) continue;
    group += 8;
    left = D;
  }
}

/** Converts `count` numbers of float64 to float32, in place. */
export function narrow(numbers: usize, count: i32): void {
  for (let i = 0; i < count; i++) store<f32>(numbers + 4 * i, <f32>load<f64>(numbers + 8 * i));
}
