// A micro-kernel of 6×16 for two neighbouring strips of C, for engines that combine pairs of 128-bit
// vectors into 256-bit ones (see src/backends/wasm/revectorize.ts). A 6×8 tile then has only six
// accumulators, too few to hide the latency of multiply-adds; a 6×16 tile has twelve. Without 256-bit
// vectors, its accumulators would not fit into the registers.
//
// Parameters and preconditions: gemm-tile.ts.
import { atLeast, multiplyAdd } from './simd';

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
  let acc00 = v128.load(init);
  let acc01 = v128.load(init, 16);
  let acc02 = v128.load(init, 32);
  let acc03 = v128.load(init, 48);
  let acc10 = v128.load(init + initStride);
  let acc11 = v128.load(init + initStride, 16);
  let acc12 = v128.load(init + initStride, 32);
  let acc13 = v128.load(init + initStride, 48);
  let acc20 = v128.load(init + 2 * initStride);
  let acc21 = v128.load(init + 2 * initStride, 16);
  let acc22 = v128.load(init + 2 * initStride, 32);
  let acc23 = v128.load(init + 2 * initStride, 48);
  let acc30 = v128.load(init + 3 * initStride);
  let acc31 = v128.load(init + 3 * initStride, 16);
  let acc32 = v128.load(init + 3 * initStride, 32);
  let acc33 = v128.load(init + 3 * initStride, 48);
  let acc40 = v128.load(init + 4 * initStride);
  let acc41 = v128.load(init + 4 * initStride, 16);
  let acc42 = v128.load(init + 4 * initStride, 32);
  let acc43 = v128.load(init + 4 * initStride, 48);
  let acc50 = v128.load(init + 5 * initStride);
  let acc51 = v128.load(init + 5 * initStride, 16);
  let acc52 = v128.load(init + 5 * initStride, 32);
  let acc53 = v128.load(init + 5 * initStride, 48);
  const end = a + 24 * K;
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
  const lowerBound = f32x4.splat(clampMin);
  storeSixteen(c, acc00, acc01, acc02, acc03, lowerBound);
  storeSixteen(c + cStride, acc10, acc11, acc12, acc13, lowerBound);
  storeSixteen(c + 2 * cStride, acc20, acc21, acc22, acc23, lowerBound);
  storeSixteen(c + 3 * cStride, acc30, acc31, acc32, acc33, lowerBound);
  storeSixteen(c + 4 * cStride, acc40, acc41, acc42, acc43, lowerBound);
  storeSixteen(c + 5 * cStride, acc50, acc51, acc52, acc53, lowerBound);
}

// @ts-ignore: decorator
@inline function storeSixteen(c: usize, v0: v128, v1: v128, v2: v128, v3: v128, lowerBound: v128): void {
  v128.store(c, atLeast(v0, lowerBound));
  v128.store(c, atLeast(v1, lowerBound), 16);
  v128.store(c, atLeast(v2, lowerBound), 32);
  v128.store(c, atLeast(v3, lowerBound), 48);
}
