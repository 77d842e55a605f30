// Derivation: src/random/threefry.ts

const PARITY: i32 = 0x1BD11BDA;

/** Bytes of a key schedule: see `expandKey`. */
export const SCHEDULE_BYTES: usize = 12 * 16;

/**
 * Writes the key schedule: the words that are added to (x0, x1) before the first round and after every
 * fourth round, each in all four lanes. Loading them is cheaper than computing them for every block.
 *
 *   0, 1 k0, k1 | 2, 3 k1, k2 + 1 | 4, 5 k2, k0 + 2 | 6, 7 k0, k1 + 3 | 8, 9 k1, k2 + 4 | 10, 11 k2, k0 + 5
 */
export function expandKey(schedule: usize, key0: i32, key1: i32): void {
  let a = key0;
  let b = key1;
  let c = key0 ^ key1 ^ PARITY;
  for (let i = 0; i < 6; i++) {
    v128.store(schedule + 32 * i, i32x4.splat(a));
    v128.store(schedule + 32 * i, i32x4.splat(b + i), 16);
    const first = a;
    a = b;
    b = c;
    c = first;
  }
}

/**
 * Four blocks in the four lanes: computes their words from their counters, and writes the words x0 of
 * all blocks, then the words x1. The rounds are unrolled, so that the rotation counts are constants.
 */
// @ts-ignore: decorator
@inline export function threefry4(out: usize, schedule: usize, counter0: v128, counter1: v128): void {
  let x0 = inject(counter0, schedule, 0);
  let x1 = inject(counter1, schedule, 1);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 13, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 15, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 26, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 6, x0);
  x0 = inject(x0, schedule, 2);
  x1 = inject(x1, schedule, 3);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 17, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 29, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 16, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 24, x0);
  x0 = inject(x0, schedule, 4);
  x1 = inject(x1, schedule, 5);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 13, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 15, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 26, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 6, x0);
  x0 = inject(x0, schedule, 6);
  x1 = inject(x1, schedule, 7);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 17, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 29, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 16, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 24, x0);
  x0 = inject(x0, schedule, 8);
  x1 = inject(x1, schedule, 9);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 13, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 15, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 26, x0);
  x0 = i32x4.add(x0, x1);
  x1 = rotateXor(x1, 6, x0);
  v128.store(out, inject(x0, schedule, 10));
  v128.store(out, inject(x1, schedule, 11), 16);
}

// @ts-ignore: decorator
@inline function inject(x: v128, schedule: usize, word: usize): v128 {
  return i32x4.add(x, v128.load(schedule + 16 * word));
}

/** (v rotated left) ⊕ w */
// @ts-ignore: decorator
@inline function rotateXor(v: v128, by: i32, w: v128): v128 {
  return v128.xor(v128.or(i32x4.shl(v, by), i32x4.shr_u(v, 32 - by)), w);
}
