// Derivation: src/ops/image-layout.ts
// Each op transposes B matrices, row-major and dense: (P, C) to (C, P) in channelsFirst, (C, P) to
// (P, C) in channelsLast. Threads share images.
import { pointer, size } from './arguments';
import { shareBegin, shareEnd } from './threads';

export function channelsFirst(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const B = size(args, 2);
  const P = size(args, 3);
  const C = size(args, 4);
  transposeImages(y, x, B, P, C);
}

export function channelsLast(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const B = size(args, 2);
  const P = size(args, 3);
  const C = size(args, 4);
  transposeImages(y, x, B, C, P);
}

/** Transposes this thread's share of B matrices (M, N). */
function transposeImages(to: usize, from: usize, B: i32, M: i32, N: i32): void {
  const bytes: usize = 4 * M * N;
  const begin = <usize>shareBegin(B);
  const end = <usize>shareEnd(B);
  // A matrix with one row or one column is its own transpose in memory, as are images of one channel.
  if (M == 1 || N == 1) {
    memory.copy(to + begin * bytes, from + begin * bytes, (end - begin) * bytes);
    return;
  }
  for (let n = begin; n < end; n++) transpose(to + n * bytes, from + n * bytes, M, N);
}

/** Transposes (M, N) in tiles of 4 × 4, and the remainder element by element. */
function transpose(to: usize, from: usize, M: i32, N: i32): void {
  const tiledM = M & ~3;
  const tiledN = N & ~3;
  for (let m = 0; m < tiledM; m += 4) {
    for (let n = 0; n < tiledN; n += 4) {
      transposeTile(to + 4 * (n * M + m), 4 * M, from + 4 * (m * N + n), 4 * N);
    }
    transposeElements(to, from, M, N, m, m + 4, tiledN);
  }
  transposeElements(to, from, M, N, tiledM, M, 0);
}

/**
 * Transposes a tile of 4 × 4:
 *
 *   a0 a1 a2 a3       pairs of rows,        halves of pairs,
 *   b0 b1 b2 b3       a0 b0 a1 b1           a0 b0 c0 d0
 *   c0 c1 c2 c3       c0 d0 c1 d1           a1 b1 c1 d1
 *   d0 d1 d2 d3       …                     …
 */
// @ts-ignore: decorator
@inline function transposeTile(to: usize, toStride: usize, from: usize, fromStride: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromStride);
  const c = v128.load(from + 2 * fromStride);
  const d = v128.load(from + 3 * fromStride);
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f64>(ab01, cd01, 0, 2));
  v128.store(to + toStride, v128.shuffle<f64>(ab01, cd01, 1, 3));
  v128.store(to + 2 * toStride, v128.shuffle<f64>(ab23, cd23, 0, 2));
  v128.store(to + 3 * toStride, v128.shuffle<f64>(ab23, cd23, 1, 3));
}

/** Rows [begin, end), columns from `column` on, element by element. */
// @ts-ignore: decorator
@inline function transposeElements(
  to: usize,
  from: usize,
  M: i32,
  N: i32,
  begin: i32,
  end: i32,
  column: i32,
): void {
  for (let m = begin; m < end; m++) {
    for (let n = column; n < N; n++) store<f32>(to + 4 * (n * M + m), load<f32>(from + 4 * (m * N + n)));
  }
}
