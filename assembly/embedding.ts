// Derivation: src/ops/embedding.ts
// W, dW (V, D), y, dy (N, D), t (N) int32, from 0 to V − 1; row-major and dense.
//
// Forward, threads share the positions n. Backward, they share the columns d, by vectors of four: every
// thread walks all positions in order, so each element of dW is summed in that order by one thread,
// and frequent integers load no thread more than another.
import { pointer, size } from './arguments';
import { addVector, errorOffset, keepErrors } from './block-sum';
import { NO_CLAMP, storeLanes } from './simd';
import { columnsBegin, columnsEnd, shareBegin, shareEnd } from './threads';

export function embeddingForward(args: usize): void {
  const y = pointer(args, 0);
  const t = pointer(args, 1);
  const W = pointer(args, 2);
  const N = size(args, 3);
  const D = size(args, 4);
  const rowBytes = 4 * D;
  for (let n = shareBegin(N), end = shareEnd(N); n < end; n++) {
    memory.copy(y + n * rowBytes, W + load<i32>(t + 4 * n) * rowBytes, rowBytes);
  }
}

export function embeddingBackward(args: usize): void {
  const dW = pointer(args, 0);
  const dy = pointer(args, 1);
  const t = pointer(args, 2);
  const N = size(args, 3);
  const V = size(args, 4);
  const D = size(args, 5);
  const begin = columnsBegin(D);
  const count = columnsEnd(D) - begin;
  if (count <= 0) return;
  const rowBytes = 4 * D;
  keepErrors(dW);
  for (let v = 0; v < V; v++) {
    const row = dW + v * rowBytes + 4 * begin;
    memory.fill(row, 0, 4 * count);
    if (errorOffset) memory.fill(row + errorOffset, 0, 4 * count);
  }
  for (let n = 0; n < N; n++) {
    const row = load<i32>(t + 4 * n);
    addRow(dW + row * rowBytes + 4 * begin, dy + n * rowBytes + 4 * begin, count);
  }
}

/** to ← to + from, of `count` numbers. Where many rows may be added, rounding errors are kept. */
function addRow(to: usize, from: usize, count: i32): void {
  const noBound = f32x4.splat(NO_CLAMP);
  for (let i = 0; i < 4 * count; i += 16) {
    const left = count - (i >> 2);
    const row = v128.load(from + i);
    if (errorOffset) addVector(to + i, to + i, row, left, noBound);
    else storeLanes(to + i, f32x4.add(v128.load(to + i), row), left);
  }
}
