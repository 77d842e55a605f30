// Long sums are trees of blocks, so that the relative error does not grow with the number of terms.
//
// A chain of n float32 additions of one sign may be wrong by n/4 · 2⁻²⁴: in the last half of a chain of
// equal terms, every addition may round the same way. Therefore a chain ends after TERMS_PER_BLOCK
// terms, and the sums of blocks are added
//
//   in a second chain, of a few dozen blocks;
//   in float64 (addBlock), where few sums run at once;
//   with the rounding errors kept (addCompensated), where a GEMM cuts a long K into many blocks.
import { atLeast, storeLanes } from './simd';

/** Bytes of the memory in which a kernel keeps the sums of blocks: see `blockSums` in threads.ts. */
export const BLOCK_SUMS_BYTES: i32 = 384;

/** Sets `count` vectors of four float64 sums to 0. */
export function clearBlocks(sums: usize, count: i32): void {
  memory.fill(sums, 0, 32 * count);
}

/** Vector number i of four float64 sums ← itself + block. */
export function addBlock(sums: usize, i: i32, block: v128): void {
  const at = sums + 32 * i;
  const low = f64x2.promote_low_f32x4(block);
  const high = f64x2.promote_low_f32x4(v128.shuffle<u64>(block, block, 1, 1));
  v128.store(at, f64x2.add(v128.load(at), low));
  v128.store(at, f64x2.add(v128.load(at, 16), high), 16);
}

/** Vector number i of four float64 sums, in float32. */
export function sumOfBlocks(sums: usize, i: i32): v128 {
  const low = f32x4.demote_f64x2_zero(v128.load(sums + 32 * i));
  const high = f32x4.demote_f64x2_zero(v128.load(sums + 32 * i, 16));
  return v128.shuffle<u64>(low, high, 0, 2);
}

/** Memory in which the current call keeps the rounding errors of its first output, element by element; or 0. */
let errors: usize = 0;

export function setRoundingErrors(address: usize): void {
  errors = address;
}

/** The distance from each number of a GEMM's result to the rounding error that is kept for it, or 0. */
export let errorOffset: usize = 0;

/** Keeps rounding errors for the result `c`, if the call has memory for them. */
export function keepErrors(c: usize): void {
  errorOffset = errors ? errors - c : 0;
}

/** Keeps no rounding errors. */
export function dropErrors(): void {
  errorOffset = 0;
}

/**
 * c ← max(init + block, lowerBound) for `width` of eight columns. Where `init` is `c`, the sum so far,
 * the rounding errors of earlier additions are added as well. Those that remain are kept.
 *
 * Source: the error of an addition is Knuth's TwoSum, "The Art of Computer Programming", volume 2, 4.2.2.
 */
export function addCompensated(
  c: usize, init: usize, low: v128, high: v128, width: i32, lowerBound: v128,
): void {
  addVector(c, init, low, width, lowerBound);
  if (width > 4) addVector(c + 16, init + 16, high, width - 4, lowerBound);
}

/** The same for `width` of four columns; a width above 4 means 4. */
export function addVector(c: usize, init: usize, block: v128, width: i32, lowerBound: v128): void {
  const sumSoFar = v128.load(init);
  const sum = f32x4.add(sumSoFar, block);
  const added = f32x4.sub(sum, sumSoFar);
  const rounded = f32x4.add(
    f32x4.sub(sumSoFar, f32x4.sub(sum, added)),
    f32x4.sub(block, added),
  );
  const kept = init == c ? f32x4.add(v128.load(c + errorOffset), rounded) : rounded;
  // Beyond the largest float32, a sum is infinite and the error would be NaN.
  const error = v128.and(kept, f32x4.eq(kept, kept));
  const total = f32x4.add(sum, error);
  storeLanes(c, atLeast(total, lowerBound), width);
  const rest = f32x4.sub(error, f32x4.sub(total, sum));
  storeLanes(c + errorOffset, v128.and(rest, f32x4.eq(rest, rest)), width);
}
