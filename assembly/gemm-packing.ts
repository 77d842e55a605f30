// Copies of blocks of A and B in the order in which the tiles of gemm.ts read them.

/** to[k][0 … 7] = B[k][n … n+7]; columns that are not there hold the next row's, and are never stored. */
export function packStraight(to: usize, b: usize, bRow: i32, K: i32): void {
  const end = to + 32 * K;
  for (; to < end; to += 32, b += bRow) {
    v128.store(to, v128.load(b));
    v128.store(to, v128.load(b, 16), 16);
  }
}

/** to[k][n] = B[n][k] for `width` ≤ 8 rows of B, four k at a time. */
export function packTransposed(panel: usize, b: usize, bRow: i32, K: i32, width: i32): void {
  for (let n = 0; n < width; n += 4) {
    const row = b + n * bRow;
    // Rows that are not there are read as the last one: their columns are never stored.
    const last = width - 1 - n;
    const r0 = row;
    const r1 = row + min(1, last) * bRow;
    const r2 = row + min(2, last) * bRow;
    const r3 = row + min(3, last) * bRow;
    const to = panel + 4 * n;
    let k = 0;
    for (; k + 4 <= K; k += 4) {
      transpose4(to + 32 * k, 32, v128.load(r0 + 4 * k), v128.load(r1 + 4 * k), v128.load(r2 + 4 * k), v128.load(r3 + 4 * k));
    }
    for (; k < K; k++) {
      store<f32>(to + 32 * k, load<f32>(r0 + 4 * k));
      store<f32>(to + 32 * k, load<f32>(r1 + 4 * k), 4);
      store<f32>(to + 32 * k, load<f32>(r2 + 4 * k), 8);
      store<f32>(to + 32 * k, load<f32>(r3 + 4 * k), 12);
    }
  }
}

/** Writes the columns of four rows below one another, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function transpose4(to: usize, stride: i32, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + stride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * stride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * stride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/**
 * to[k][0 … 5] = A[k][m … m+5], for A stored along m; rows that are not there hold the next ones, and
 * are never stored.
 *
 * @param toColumn bytes from one k to the next: 24, or 16, where the next k overwrites the last two
 */
export function packColumns(to: usize, a: usize, aColumn: i32, K: i32, toColumn: i32): void {
  const end = to + K * toColumn;
  for (; to < end; to += toColumn, a += aColumn) {
    v128.store(to, v128.load(a));
    v128.store64_lane(to, v128.load64_zero(a, 16), 0, 16);
  }
}

/**
 * to[k][m] = A[m][k] for `rows` ≤ 6 rows of A, four k at a time.
 *
 * @param toColumn bytes from one k to the next: 24, or 16 for at most 4 rows
 */
export function packRows(to: usize, a: usize, aRow: i32, K: i32, rows: i32, toColumn: i32): void {
  // Rows that are not there are read as the last one: what comes of them is never stored.
  const last = rows - 1;
  const r1 = a + min(1, last) * aRow;
  const r2 = a + min(2, last) * aRow;
  const r3 = a + min(3, last) * aRow;
  const r4 = a + min(4, last) * aRow;
  const r5 = a + min(5, last) * aRow;
  let k = 0;
  for (; k + 4 <= K; k += 4) {
    const at = to + k * toColumn;
    const o = 4 * k;
    transpose4(at, toColumn, v128.load(a + o), v128.load(r1 + o), v128.load(r2 + o), v128.load(r3 + o));
    if (toColumn > 16) transpose2(at + 16, toColumn, v128.load(r4 + o), v128.load(r5 + o));
  }
  for (; k < K; k++) {
    const at = to + k * toColumn;
    const o = 4 * k;
    store<f32>(at, load<f32>(a + o));
    store<f32>(at, load<f32>(r1 + o), 4);
    store<f32>(at, load<f32>(r2 + o), 8);
    store<f32>(at, load<f32>(r3 + o), 12);
    if (toColumn == 16) continue;
    store<f32>(at, load<f32>(r4 + o), 16);
    store<f32>(at, load<f32>(r5 + o), 20);
  }
}

/** Writes the columns of two rows below one another, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function transpose2(to: usize, stride: i32, r0: v128, r1: v128): void {
  const low = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  v128.store64_lane(to, low, 0);
  v128.store64_lane(to + stride, low, 1);
  v128.store64_lane(to + 2 * stride, high, 0);
  v128.store64_lane(to + 3 * stride, high, 1);
}
