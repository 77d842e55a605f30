// Derivation: src/ops/softmax-cross-entropy.ts
// logits z (B, C), probabilities p (B, C), both row-major; targets t (B) int32, below C.
// Three passes over a row: its maximum, e^(z − maximum) with its sum, division by the sum. The fused
// kernel does not write p, which halves the memory traffic of forward and backward.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { pointer, size } from './arguments';
import { log } from './logarithm';
import { expOfNonPositive4 } from './exp';
import { maxLanes, storeLanes, sumLanes } from './simd';
import {
  barrier, bytesBegin, bytesEnd, isPartitioned, isFirst, sharedScratch, shareBegin, shareEnd,
} from './threads';

export function softmaxForward(args: usize): void {
  const p = pointer(args, 0);
  const z = pointer(args, 1);
  const B = size(args, 2);
  const C = size(args, 3);
  const begin = shareBegin(B);
  const end = shareEnd(B);
  if (begin == end) return;
  maximum = rowMaximum(z + 4 * begin * C, C);
  for (let n = begin; n < end; n++) {
    const row = 4 * n * C;
    const next = n + 1 < end ? row + 4 * C : row;
    scaleRow(p + row, C, 1 / exponentials(p + row, z + row, z + next, C), 1);
  }
}

export function softmaxCrossEntropyForward(args: usize): void {
  crossEntropy(args, false);
}

/** softmaxCrossEntropyForward and softmaxCrossEntropyBackward in one: writes L and dz, but not p. */
export function softmaxCrossEntropyGradient(args: usize): void {
  crossEntropy(args, true);
}

/** @param gradient whether to write dz in place of p */
function crossEntropy(args: usize, gradient: bool): void {
  const L = pointer(args, 0);
  const p = pointer(args, 1);
  const z = pointer(args, 2);
  const t = pointer(args, 3);
  const B = size(args, 4);
  const C = size(args, 5);
  const scale: f32 = gradient ? <f32>(1.0 / <f64>B) : 1;
  // Each thread stores the losses of its rows in shared scratch memory. Thread 0 sums them in order, so
  // the result does not depend on the number of threads.
  const losses = sharedScratch();
  let sum: f64 = 0;
  for (let start = 0; start < B; start += ROWS_AT_ONCE) {
    const rows = min(ROWS_AT_ONCE, B - start);
    const begin = shareBegin(rows);
    const end = shareEnd(rows);
    if (begin < end) maximum = rowMaximum(z + 4 * (start + begin) * C, C);
    for (let i = begin; i < end; i++) {
      const n = start + i;
      const row = 4 * n * C;
      const next = i + 1 < end ? row + 4 * C : row;
      const target = load<i32>(t + 4 * n);
      store<f64>(losses + 8 * i, rowLoss(p + row, z + row, z + next, C, target, gradient, scale));
    }
    if (isPartitioned()) barrier();
    if (isFirst()) for (let i = 0; i < rows; i++) sum += load<f64>(losses + 8 * i);
    // Wait until these losses are added before overwriting them.
    if (isPartitioned() && start + rows < B) barrier();
  }
  if (isFirst()) store<f32>(L, <f32>(sum / <f64>B));
}

/** Rows whose losses fit into scratch memory. */
const ROWS_AT_ONCE: i32 = SCRATCH_BYTES / 8;

/** −log softmax(z)[target] of one row, and p = softmax(z), or its gradient (p − onehot) · scale. */
function rowLoss(
  p: usize, z: usize, next: usize, C: i32, target: i32, gradient: bool, scale: f32,
): f64 {
  const largest = maximum;
  const S = exponentials(p, z, next, C);
  const inverse: f32 = 1 / S;
  const ofTarget = load<f32>(p + 4 * target) * inverse;
  scaleRow(p, C, inverse, scale);
  if (gradient) store<f32>(p + 4 * target, (ofTarget - 1) * scale);
  return log(<f64>S) - (<f64>load<f32>(z + 4 * target) - <f64>largest);
}

export function softmaxCrossEntropyBackward(args: usize): void {
  const dz = pointer(args, 0);
  const p = pointer(args, 1);
  const t = pointer(args, 2);
  const B = size(args, 3);
  const C = size(args, 4);
  const scale: f32 = <f32>(1.0 / <f64>B);
  const begin = bytesBegin(B * C);
  const end = bytesEnd(B * C);
  const scales = f32x4.splat(scale);
  for (let i = begin; i < end; i += 16) v128.store(dz + i, f32x4.mul(v128.load(p + i), scales));
  // The elements of the targets in this thread's share, which may begin and end within a row.
  for (let n = begin / (4 * C); n < B && 4 * n * C < end; n++) {
    const target = 4 * (n * C + load<i32>(t + 4 * n));
    if (target < begin || target >= end) continue;
    store<f32>(dz + target, (load<f32>(p + target) - 1) * scale);
  }
}

function rowMaximum(z: usize, C: i32): f32 {
  const whole = C & ~3;
  // pmax is one instruction, max is seven. pmax ignores NaN, but the sum of e^z then contains it.
  let lanes = f32x4.splat(-Infinity);
  for (let c = 0; c < whole; c += 4) lanes = f32x4.pmax(lanes, v128.load(z + 4 * c));
  return largestOf(lanes, z, whole, C);
}

/** The maximum of four lanes and of the last elements of a row. */
function largestOf(lanes: v128, z: usize, whole: i32, C: i32): f32 {
  let largest = maxLanes(lanes);
  for (let c = whole; c < C; c++) largest = max(largest, load<f32>(z + 4 * c));
  return largest;
}

/** The largest logit of the next row. */
let maximum: f32 = 0;

/**
 * p = e^(z − maximum) of one row; returns their sum.
 *
 * @param next the following row, whose maximum is computed on the way. This prefetches the row while
 *   exponentials keep the core busy.
 */
function exponentials(p: usize, z: usize, next: usize, C: i32): f32 {
  const whole = C & ~3;
  const shift = f32x4.splat(maximum);
  let maxima = f32x4.splat(-Infinity);
  let sum: f64 = 0;
  for (let c = 0; c < whole; ) {
    let lanes = f32x4.splat(0);
    for (const end = min(c + 4 * TERMS_PER_BLOCK, whole); c < end; c += 4) {
      const e = expOfNonPositive4(f32x4.sub(v128.load(z + 4 * c), shift));
      maxima = f32x4.pmax(maxima, v128.load(next + 4 * c));
      lanes = f32x4.add(lanes, e);
      v128.store(p + 4 * c, e);
    }
    sum += <f64>sumLanes(lanes);
  }
  let S = <f32>sum;
  if (whole < C) {
    const e = expOfNonPositive4(f32x4.sub(v128.load(z + 4 * whole), shift));
    storeLanes(p + 4 * whole, e, C - whole);
    for (let c = whole; c < C; c++) S += load<f32>(p + 4 * c);
  }
  maximum = largestOf(maxima, next, whole, C);
  return S;
}

/** p ← (p · inverse) · scale, in this order, so that each product rounds as in a separate call. */
function scaleRow(p: usize, C: i32, inverse: f32, scale: f32): void {
  const whole = C & ~3;
  const inverses = f32x4.splat(inverse);
  const scales = f32x4.splat(scale);
  for (let c = 0; c < whole; c += 4) {
    v128.store(p + 4 * c, f32x4.mul(f32x4.mul(v128.load(p + 4 * c), inverses), scales));
  }
  if (whole < C) {
    const last = f32x4.mul(f32x4.mul(v128.load(p + 4 * whole), inverses), scales);
    storeLanes(p + 4 * whole, last, C - whole);
  }
}
