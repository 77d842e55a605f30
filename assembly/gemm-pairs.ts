// A micro-kernel of 6×16 for two neighbouring strips of C, for engines that combine pairs of 128-bit
// vectors into 256-bit ones (see src/backends/wasm/revectorize.ts). A 6×8 tile then has only six
// accumulators, too few to hide the latency of multiply-adds; a 6×16 tile has twelve. Without 256-bit
// vectors, its accumulators would not fit into the registers.
//
// Parameters and preconditions: gemm-tile.ts.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { addCompensated, errorOffset } from './block-sum';
import { atLeast, multiplyAdd } from './simd';
import { blockSums } from './threads';

/** Whether to compute two strips at once. */
export let pairsStrips: bool = false;

export function setPairsStrips(pairs: bool): void {
  pairsStrips = pairs;
}

/**
 * Whole tiles of two strips, each eight columns wide.
 *
 * @param a packed tiles: [tile][k][6]
 * @param b,nextB the two packed strips: [k][8]
 */
export function stripPair(
  c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, b: usize, nextB: usize, tiles: i32, K: i32, clampMin: f32,
): void {
  for (let tile = 0; tile < tiles; tile++) {
    pairTile(c, cStride, init, initStride, a, b, nextB, K, clampMin);
    c += 6 * cStride;
    init += 6 * initStride;
    a += 24 * K;
  }
}

/** accIJ holds columns 4J … 4J+3 of row I. */
function pairTile(
  c: usize, cStride: i32, init: usize, initStride: i32,
  a: usize, b: usize, nextB: usize, K: i32, clampMin: f32,
): void {
  const partial = blockSums();
  let isFirst = true;
  for (;;) {
    let acc00 = f32x4.splat(0), acc01 = acc00, acc02 = acc00, acc03 = acc00;
    let acc10 = acc00, acc11 = acc00, acc12 = acc00, acc13 = acc00;
    let acc20 = acc00, acc21 = acc00, acc22 = acc00, acc23 = acc00;
    let acc30 = acc00, acc31 = acc00, acc32 = acc00, acc33 = acc00;
    let acc40 = acc00, acc41 = acc00, acc42 = acc00, acc43 = acc00;
    let acc50 = acc00, acc51 = acc00, acc52 = acc00, acc53 = acc00;
    const end = a + 24 * min(K, TERMS_PER_BLOCK);
    for (; a < end; a += 24, b += 32, nextB += 32) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(nextB);
      const b3 = v128.load(nextB, 16);
      let x = v128.load32_splat(a);
      acc00 = multiplyAdd(x, b0, acc00);
      acc01 = multiplyAdd(x, b1, acc01);
      acc02 = multiplyAdd(x, b2, acc02);
      acc03 = multiplyAdd(x, b3, acc03);
      x = v128.load32_splat(a, 4);
      acc10 = multiplyAdd(x, b0, acc10);
      acc11 = multiplyAdd(x, b1, acc11);
      acc12 = multiplyAdd(x, b2, acc12);
      acc13 = multiplyAdd(x, b3, acc13);
      x = v128.load32_splat(a, 8);
      acc20 = multiplyAdd(x, b0, acc20);
      acc21 = multiplyAdd(x, b1, acc21);
      acc22 = multiplyAdd(x, b2, acc22);
      acc23 = multiplyAdd(x, b3, acc23);
      x = v128.load32_splat(a, 12);
      acc30 = multiplyAdd(x, b0, acc30);
      acc31 = multiplyAdd(x, b1, acc31);
      acc32 = multiplyAdd(x, b2, acc32);
      acc33 = multiplyAdd(x, b3, acc33);
      x = v128.load32_splat(a, 16);
      acc40 = multiplyAdd(x, b0, acc40);
      acc41 = multiplyAdd(x, b1, acc41);
      acc42 = multiplyAdd(x, b2, acc42);
      acc43 = multiplyAdd(x, b3, acc43);
      x = v128.load32_splat(a, 20);
      acc50 = multiplyAdd(x, b0, acc50);
      acc51 = multiplyAdd(x, b1, acc51);
      acc52 = multiplyAdd(x, b2, acc52);
      acc53 = multiplyAdd(x, b3, acc53);
    }
    if (!isFirst) {
      acc00 = f32x4.add(v128.load(partial, 0), acc00);
      acc01 = f32x4.add(v128.load(partial, 16), acc01);
      acc02 = f32x4.add(v128.load(partial, 32), acc02);
      acc03 = f32x4.add(v128.load(partial, 48), acc03);
      acc10 = f32x4.add(v128.load(partial, 64), acc10);
      acc11 = f32x4.add(v128.load(partial, 80), acc11);
      acc12 = f32x4.add(v128.load(partial, 96), acc12);
      acc13 = f32x4.add(v128.load(partial, 112), acc13);
      acc20 = f32x4.add(v128.load(partial, 128), acc20);
      acc21 = f32x4.add(v128.load(partial, 144), acc21);
      acc22 = f32x4.add(v128.load(partial, 160), acc22);
      acc23 = f32x4.add(v128.load(partial, 176), acc23);
      acc30 = f32x4.add(v128.load(partial, 192), acc30);
      acc31 = f32x4.add(v128.load(partial, 208), acc31);
      acc32 = f32x4.add(v128.load(partial, 224), acc32);
      acc33 = f32x4.add(v128.load(partial, 240), acc33);
      acc40 = f32x4.add(v128.load(partial, 256), acc40);
      acc41 = f32x4.add(v128.load(partial, 272), acc41);
      acc42 = f32x4.add(v128.load(partial, 288), acc42);
      acc43 = f32x4.add(v128.load(partial, 304), acc43);
      acc50 = f32x4.add(v128.load(partial, 320), acc50);
      acc51 = f32x4.add(v128.load(partial, 336), acc51);
      acc52 = f32x4.add(v128.load(partial, 352), acc52);
      acc53 = f32x4.add(v128.load(partial, 368), acc53);
    }
    K -= TERMS_PER_BLOCK;
    if (K <= 0) {
      const lowerBound = f32x4.splat(clampMin);
      storeSixteen(c, init, acc00, acc01, acc02, acc03, lowerBound);
      storeSixteen(c + cStride, init + initStride, acc10, acc11, acc12, acc13, lowerBound);
      storeSixteen(c + 2 * cStride, init + 2 * initStride, acc20, acc21, acc22, acc23, lowerBound);
      storeSixteen(c + 3 * cStride, init + 3 * initStride, acc30, acc31, acc32, acc33, lowerBound);
      storeSixteen(c + 4 * cStride, init + 4 * initStride, acc40, acc41, acc42, acc43, lowerBound);
      storeSixteen(c + 5 * cStride, init + 5 * initStride, acc50, acc51, acc52, acc53, lowerBound);
      return;
    }
    v128.store(partial, acc00, 0);
    v128.store(partial, acc01, 16);
    v128.store(partial, acc02, 32);
    v128.store(partial, acc03, 48);
    v128.store(partial, acc10, 64);
    v128.store(partial, acc11, 80);
    v128.store(partial, acc12, 96);
    v128.store(partial, acc13, 112);
    v128.store(partial, acc20, 128);
    v128.store(partial, acc21, 144);
    v128.store(partial, acc22, 160);
    v128.store(partial, acc23, 176);
    v128.store(partial, acc30, 192);
    v128.store(partial, acc31, 208);
    v128.store(partial, acc32, 224);
    v128.store(partial, acc33, 240);
    v128.store(partial, acc40, 256);
    v128.store(partial, acc41, 272);
    v128.store(partial, acc42, 288);
    v128.store(partial, acc43, 304);
    v128.store(partial, acc50, 320);
    v128.store(partial, acc51, 336);
    v128.store(partial, acc52, 352);
    v128.store(partial, acc53, 368);
    isFirst = false;
  }
}

// @ts-ignore: decorator
@inline function storeSixteen(
  c: usize, init: usize, v0: v128, v1: v128, v2: v128, v3: v128, lowerBound: v128,
): void {
  if (errorOffset) {
    addCompensated(c, init, v0, v1, 8, lowerBound);
    addCompensated(c + 32, init + 32, v2, v3, 8, lowerBound);
    return;
  }
  v128.store(c, atLeast(f32x4.add(v128.load(init), v0), lowerBound));
  v128.store(c, atLeast(f32x4.add(v128.load(init, 16), v1), lowerBound), 16);
  v128.store(c, atLeast(f32x4.add(v128.load(init, 32), v2), lowerBound), 32);
  v128.store(c, atLeast(f32x4.add(v128.load(init, 48), v3), lowerBound), 48);
}
