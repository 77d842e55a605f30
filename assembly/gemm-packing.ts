// Packing: copies blocks of A and B into the order in which micro-kernels read them.
//
// Strides are in bytes, as in gemm-tile.ts. Packed rows or columns that do not exist in A or B hold
// arbitrary numbers; what micro-kernels compute from them is never stored.

/** Columns of a register tile, and of a strip of B and C. */
export const COLUMNS: i32 = 8;

/** packed[k][0 … 7] = B[k][n … n+7], for K rows of B. */
export function packStraight(packed: usize, b: usize, bStride: i32, K: i32): void {
  const end = packed + 32 * K;
  for (; packed < end; packed += 32, b += bStride) {
    v128.store(packed, v128.load(b));
    v128.store(packed, v128.load(b, 16), 16);
  }
}

/** packed[k][n] = B[n][k] for `width` ≤ 8 rows n of a transposed B, four k at a time. */
export function packTransposed(panel: usize, b: usize, bStride: i32, K: i32, width: i32): void {
  assert(width >= 1 && width <= COLUMNS);
  for (let n = 0; n < width; n += 4) {
    const row = b + n * bStride;
    // Read the last row instead of rows that do not exist.
    const last = width - 1 - n;
    const r0 = row;
    const r1 = row + min(1, last) * bStride;
    const r2 = row + min(2, last) * bStride;
    const r3 = row + min(3, last) * bStride;
    const packed = panel + 4 * n;
    let k = 0;
    for (; k + 4 <= K; k += 4) {
      transpose4(
        packed + 32 * k, 32,
        v128.load(r0 + 4 * k), v128.load(r1 + 4 * k), v128.load(r2 + 4 * k), v128.load(r3 + 4 * k),
      );
    }
    for (; k < K; k++) {
      store<f32>(packed + 32 * k, load<f32>(r0 + 4 * k));
      store<f32>(packed + 32 * k, load<f32>(r1 + 4 * k), 4);
      store<f32>(packed + 32 * k, load<f32>(r2 + 4 * k), 8);
      store<f32>(packed + 32 * k, load<f32>(r3 + 4 * k), 12);
    }
  }
}

/** Writes the four columns of four rows, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function transpose4(packed: usize, stride: i32, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(packed, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(packed + stride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(packed + 2 * stride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(packed + 3 * stride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/**
 * packed[k][0 … 5] = A[k][m … m+5], for a transposed A, stored along m.
 *
 * @param packedStride 24; or 16 for tiles of 4 rows, where the next k overwrites the last two numbers
 */
export function packColumns(packed: usize, a: usize, aColumnStride: i32, K: i32, packedStride: i32): void {
  const end = packed + K * packedStride;
  for (; packed < end; packed += packedStride, a += aColumnStride) {
    v128.store(packed, v128.load(a));
    v128.store64_lane(packed, v128.load64_zero(a, 16), 0, 16);
  }
}

/**
 * packed[k][m] = A[m][k] for `rows` ≤ 6 rows of A, four k at a time.
 *
 * @param packedStride 24; or 16 for tiles of 4 rows
 */
export function packRows(packed: usize, a: usize, aRowStride: i32, K: i32, rows: i32, packedStride: i32): void {
  assert(rows >= 1 && rows <= 6);
  // Read the last row instead of rows that do not exist.
  const last = rows - 1;
  const r1 = a + min(1, last) * aRowStride;
  const r2 = a + min(2, last) * aRowStride;
  const r3 = a + min(3, last) * aRowStride;
  const r4 = a + min(4, last) * aRowStride;
  const r5 = a + min(5, last) * aRowStride;
  let k = 0;
  for (; k + 4 <= K; k += 4) {
    const at = packed + k * packedStride;
    const o = 4 * k;
    transpose4(at, packedStride, v128.load(a + o), v128.load(r1 + o), v128.load(r2 + o), v128.load(r3 + o));
    if (packedStride > 16) transpose2(at + 16, packedStride, v128.load(r4 + o), v128.load(r5 + o));
  }
  for (; k < K; k++) {
    const at = packed + k * packedStride;
    const o = 4 * k;
    store<f32>(at, load<f32>(a + o));
    store<f32>(at, load<f32>(r1 + o), 4);
    store<f32>(at, load<f32>(r2 + o), 8);
    store<f32>(at, load<f32>(r3 + o), 12);
    if (packedStride == 16) continue;
    store<f32>(at, load<f32>(r4 + o), 16);
    store<f32>(at, load<f32>(r5 + o), 20);
  }
}

/** Writes the four columns of two rows, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function transpose2(packed: usize, stride: i32, r0: v128, r1: v128): void {
  const low = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  v128.store64_lane(packed, low, 0);
  v128.store64_lane(packed + stride, low, 1);
  v128.store64_lane(packed + 2 * stride, high, 0);
  v128.store64_lane(packed + 3 * stride, high, 1);
}
