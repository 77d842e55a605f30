// Sums of eight channels over pixels that arrive piece by piece: the gradient of a bias. Blocks end where
// conv2dBackwardBias ends them, so the bits are the same.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { addBlock, sumOfBlocks } from './block-sum';
import { COLUMNS } from './gemm-packing';
import { storeLanes } from './simd';

/** Offset of the sums of the unfinished block, after those of the finished blocks in float64. */
const UNFINISHED: i32 = 8 * COLUMNS;
/** Bytes of the sums of eight channels. They begin as zeros. */
export const PIXEL_SUMS: i32 = UNFINISHED + 4 * COLUMNS;

/**
 * Adds `count` pixels.
 *
 * @param pixels eight channels of the first pixel
 * @param stride bytes from one pixel to the next
 * @param number pixels that were added before
 */
export function addPixels(sums: usize, pixels: usize, stride: i32, number: i32, count: i32): void {
  let low = v128.load(sums, UNFINISHED);
  let high = v128.load(sums, UNFINISHED + 16);
  let room = TERMS_PER_BLOCK - number % TERMS_PER_BLOCK;
  while (count > 0) {
    const length = min(room, count);
    for (const end = pixels + length * stride; pixels < end; pixels += stride) {
      low = f32x4.add(low, v128.load(pixels));
      high = f32x4.add(high, v128.load(pixels, 16));
    }
    count -= length;
    room -= length;
    if (room > 0) break;
    addBlock(sums, 0, low);
    addBlock(sums, 1, high);
    low = f32x4.splat(0);
    high = low;
    room = TERMS_PER_BLOCK;
  }
  v128.store(sums, low, UNFINISHED);
  v128.store(sums, high, UNFINISHED + 16);
}

/** Stores the sums of the first `width` channels; a width above 8 means 8. */
export function storePixelSums(to: usize, sums: usize, width: i32): void {
  addBlock(sums, 0, v128.load(sums, UNFINISHED));
  addBlock(sums, 1, v128.load(sums, UNFINISHED + 16));
  storeLanes(to, sumOfBlocks(sums, 0), width);
  if (width > 4) storeLanes(to + 16, sumOfBlocks(sums, 1), width - 4);
}
