// Two neighbouring strips of C at once, in tiles of 6×16: for engines that make 256-bit vectors of pairs
// of 128-bit ones (see src/backends/wasm/revectorize.ts). A tile of 6×8 is then six chains of sums,
// which wait for one another; these are twelve. Without 256-bit vectors their sums would not fit into
// registers.
import { atLeast, multiplyAdd } from './simd';

/** Whether the engine does. */
export let pairsStrips: bool = false;

export function setPairsStrips(pairs: bool): void {
  pairsStrips = pairs;
}

/**
 * So many whole tiles of two strips, each eight columns wide.
 *
 * @param a packed tiles: [tile][k][6]
 * @param b,next the packed strips: [k][8]
 */
export function stripPair(
  to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, b: usize, next: usize, tiles: i32, K: i32, least: f32,
): void {
  for (let tile = 0; tile < tiles; tile++) {
    pairTile(to, toRow, from, fromRow, a, b, next, K, least);
    to += 6 * toRow;
    from += 6 * fromRow;
    a += 24 * K;
  }
}

/** accIJ holds columns 4J … 4J+3 of row I. */
function pairTile(
  to: usize, toRow: i32, from: usize, fromRow: i32,
  a: usize, b: usize, next: usize, K: i32, least: f32,
): void {
  let acc00 = v128.load(from);
  let acc01 = v128.load(from, 16);
  let acc02 = v128.load(from, 32);
  let acc03 = v128.load(from, 48);
  let acc10 = v128.load(from + fromRow);
  let acc11 = v128.load(from + fromRow, 16);
  let acc12 = v128.load(from + fromRow, 32);
  let acc13 = v128.load(from + fromRow, 48);
  let acc20 = v128.load(from + 2 * fromRow);
  let acc21 = v128.load(from + 2 * fromRow, 16);
  let acc22 = v128.load(from + 2 * fromRow, 32);
  let acc23 = v128.load(from + 2 * fromRow, 48);
  let acc30 = v128.load(from + 3 * fromRow);
  let acc31 = v128.load(from + 3 * fromRow, 16);
  let acc32 = v128.load(from + 3 * fromRow, 32);
  let acc33 = v128.load(from + 3 * fromRow, 48);
  let acc40 = v128.load(from + 4 * fromRow);
  let acc41 = v128.load(from + 4 * fromRow, 16);
  let acc42 = v128.load(from + 4 * fromRow, 32);
  let acc43 = v128.load(from + 4 * fromRow, 48);
  let acc50 = v128.load(from + 5 * fromRow);
  let acc51 = v128.load(from + 5 * fromRow, 16);
  let acc52 = v128.load(from + 5 * fromRow, 32);
  let acc53 = v128.load(from + 5 * fromRow, 48);
  const end = a + 24 * K;
  for (; a < end; a += 24, b += 32, next += 32) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(next);
    const b3 = v128.load(next, 16);
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
  const floor = f32x4.splat(least);
  storeSixteen(to, acc00, acc01, acc02, acc03, floor);
  storeSixteen(to + toRow, acc10, acc11, acc12, acc13, floor);
  storeSixteen(to + 2 * toRow, acc20, acc21, acc22, acc23, floor);
  storeSixteen(to + 3 * toRow, acc30, acc31, acc32, acc33, floor);
  storeSixteen(to + 4 * toRow, acc40, acc41, acc42, acc43, floor);
  storeSixteen(to + 5 * toRow, acc50, acc51, acc52, acc53, floor);
}

// @ts-ignore: decorator
@inline function storeSixteen(to: usize, v0: v128, v1: v128, v2: v128, v3: v128, floor: v128): void {
  v128.store(to, atLeast(v0, floor));
  v128.store(to, atLeast(v1, floor), 16);
  v128.store(to, atLeast(v2, floor), 32);
  v128.store(to, atLeast(v3, floor), 48);
}
