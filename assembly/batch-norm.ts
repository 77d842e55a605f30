// Derivation: src/ops/batch-norm.ts
// x, y, dx, dy: N rows of C channels, row-major and dense; all other tensors (C).
//
// Where a kernel sums over rows, threads share the channels. Where it transforms each number, threads
// share the rows, and each thread first computes the factors of each channel in scratch memory.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { attribute, pointer, size } from './arguments';
import { clearBlocks, sumOfBlocks } from './block-sum';
import { addBlocks, storeBlocks, storeColumns, WIDTH } from './columns';
import { multiplyAdd, storeLanes } from './simd';
import { blockSums, columnsBegin, columnsEnd, ownScratch, shareBegin, shareEnd } from './threads';

/** Channels whose factors are in scratch memory at once. */
const BLOCK: i32 = 512;
const BLOCK_BYTES: usize = 4 * BLOCK;

export function batchNormStatistics(args: usize): void {
  const mean = pointer(args, 0);
  const variance = pointer(args, 1);
  const x = pointer(args, 2);
  const N = size(args, 3);
  const C = size(args, 4);
  for (let c = columnsBegin(C), end = columnsEnd(C); c < end; c += WIDTH) {
    const count = min(WIDTH, end - c);
    // Deviations from the first row: in a sum of large numbers, their differences would be rounded away.
    memory.copy(mean + 4 * c, x + 4 * c, 4 * count);
    deviations(mean + 4 * c, variance + 4 * c, x + 4 * c, N, 4 * C, count);
    deviations(mean + 4 * c, variance + 4 * c, x + 4 * c, N, 4 * C, count);
  }
}

/**
 * Improves the means, and computes the variances. With d = x − mean and e = Σ d / N,
 *
 *   mean ← mean + e    variance = Σ d² / N − e²
 *
 * which is exact for any initial mean. In the second call, e is as small as a rounding error, so
 * the subtraction cancels nothing.
 *
 * Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983: the corrected
 * two-pass algorithm.
 */
function deviations(
  mean: usize, variance: usize, x: usize,
  N: i32, rowBytes: i32, count: i32,
): void {
  const mean0 = v128.load(mean);
  const mean1 = v128.load(mean, 16);
  const mean2 = v128.load(mean, 32);
  const mean3 = v128.load(mean, 48);
  const blocks = blockSums();
  clearBlocks(blocks, 8);
  for (let n = 0; n < N; ) {
    let sum0 = f32x4.splat(0), square0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0), square1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0), square2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0), square3 = f32x4.splat(0);
    for (const end = min(n + TERMS_PER_BLOCK, N); n < end; n++, x += rowBytes) {
      const d0 = f32x4.sub(v128.load(x), mean0);
      sum0 = f32x4.add(sum0, d0);
      square0 = multiplyAdd(d0, d0, square0);
      const d1 = f32x4.sub(v128.load(x, 16), mean1);
      sum1 = f32x4.add(sum1, d1);
      square1 = multiplyAdd(d1, d1, square1);
      const d2 = f32x4.sub(v128.load(x, 32), mean2);
      sum2 = f32x4.add(sum2, d2);
      square2 = multiplyAdd(d2, d2, square2);
      const d3 = f32x4.sub(v128.load(x, 48), mean3);
      sum3 = f32x4.add(sum3, d3);
      square3 = multiplyAdd(d3, d3, square3);
    }
    addBlocks(blocks, sum0, sum1, sum2, sum3);
    addBlocks(blocks, square0, square1, square2, square3, 4);
  }
  const rows = f32x4.splat(<f32>N);
  const e0 = f32x4.div(sumOfBlocks(blocks, 0), rows);
  const e1 = f32x4.div(sumOfBlocks(blocks, 1), rows);
  const e2 = f32x4.div(sumOfBlocks(blocks, 2), rows);
  const e3 = f32x4.div(sumOfBlocks(blocks, 3), rows);
  storeColumns(
    mean,
    f32x4.add(mean0, e0), f32x4.add(mean1, e1), f32x4.add(mean2, e2), f32x4.add(mean3, e3),
    count,
  );
  storeColumns(
    variance,
    corrected(sumOfBlocks(blocks, 4), rows, e0), corrected(sumOfBlocks(blocks, 5), rows, e1),
    corrected(sumOfBlocks(blocks, 6), rows, e2), corrected(sumOfBlocks(blocks, 7), rows, e3),
    count,
  );
}

/** squares / rows − e², at least 0: only rounding can make it negative. */
// @ts-ignore: decorator
@inline function corrected(squares: v128, rows: v128, e: v128): v128 {
  return f32x4.max(f32x4.sub(f32x4.div(squares, rows), f32x4.mul(e, e)), f32x4.splat(0));
}

/** y = (x − mean) · scale + β with scale = γ rstd. */
export function batchNormForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const mean = pointer(args, 2);
  const variance = pointer(args, 3);
  const gamma = pointer(args, 4);
  const beta = pointer(args, 5);
  const N = size(args, 6);
  const C = size(args, 7);
  const epsilon: f32 = <f32>attribute(args, 8, 0);
  const scale = ownScratch();
  for (let c = 0; c < C; c += BLOCK) {
    const width = min(BLOCK, C - c);
    for (let i = 4 * c, to = scale; i < 4 * (c + width); i += 16, to += 16) {
      v128.store(to, f32x4.mul(v128.load(gamma + i), rstdOf(variance + i, epsilon)));
    }
    for (let n = shareBegin(N), end = shareEnd(N); n < end; n++) {
      const row = 4 * (n * C + c);
      normaliseRow(y + row, x + row, mean + 4 * c, scale, beta + 4 * c, width);
    }
  }
}

function normaliseRow(y: usize, x: usize, mean: usize, scale: usize, beta: usize, width: i32): void {
  const whole = 4 * (width & ~3);
  for (let i = 0; i < whole; i += 16) v128.store(y + i, normalise(x + i, mean + i, scale + i, beta + i));
  if (width & 3) {
    const last = normalise(x + whole, mean + whole, scale + whole, beta + whole);
    storeLanes(y + whole, last, width & 3);
  }
}

// @ts-ignore: decorator
@inline function normalise(x: usize, mean: usize, scale: usize, beta: usize): v128 {
  const centred = f32x4.sub(v128.load(x), v128.load(mean));
  return multiplyAdd(centred, v128.load(scale), v128.load(beta));
}

/** rstd = 1 / √(variance + ε) of four channels. */
// @ts-ignore: decorator
@inline function rstdOf(variance: usize, epsilon: f32): v128 {
  const v = f32x4.add(v128.load(variance), f32x4.splat(epsilon));
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(v));
}

export function batchNormBackwardParameters(args: usize): void {
  const dGamma = pointer(args, 0);
  const dBeta = pointer(args, 1);
  const dy = pointer(args, 2);
  const x = pointer(args, 3);
  const mean = pointer(args, 4);
  const variance = pointer(args, 5);
  const N = size(args, 6);
  const C = size(args, 7);
  const epsilon: f32 = <f32>attribute(args, 8, 0);
  for (let c = columnsBegin(C), end = columnsEnd(C); c < end; c += WIDTH) {
    const count = min(WIDTH, end - c);
    const at = 4 * c;
    sumGradients(
      dGamma + at, dBeta + at, dy + at, x + at, mean + at, variance + at,
      epsilon, N, 4 * C, count,
    );
  }
}

/** dβ = Σ dy and dγ = rstd Σ dy (x − mean) of up to sixteen channels. */
function sumGradients(
  dGamma: usize, dBeta: usize, dy: usize, x: usize, mean: usize, variance: usize,
  epsilon: f32, N: i32, rowBytes: i32, count: i32,
): void {
  const mean0 = v128.load(mean);
  const mean1 = v128.load(mean, 16);
  const mean2 = v128.load(mean, 32);
  const mean3 = v128.load(mean, 48);
  const blocks = blockSums();
  clearBlocks(blocks, 8);
  for (let n = 0; n < N; ) {
    let beta0 = f32x4.splat(0), gamma0 = f32x4.splat(0);
    let beta1 = f32x4.splat(0), gamma1 = f32x4.splat(0);
    let beta2 = f32x4.splat(0), gamma2 = f32x4.splat(0);
    let beta3 = f32x4.splat(0), gamma3 = f32x4.splat(0);
    for (const end = min(n + TERMS_PER_BLOCK, N); n < end; n++, x += rowBytes, dy += rowBytes) {
      const dy0 = v128.load(dy);
      beta0 = f32x4.add(beta0, dy0);
      gamma0 = multiplyAdd(dy0, f32x4.sub(v128.load(x), mean0), gamma0);
      const dy1 = v128.load(dy, 16);
      beta1 = f32x4.add(beta1, dy1);
      gamma1 = multiplyAdd(dy1, f32x4.sub(v128.load(x, 16), mean1), gamma1);
      const dy2 = v128.load(dy, 32);
      beta2 = f32x4.add(beta2, dy2);
      gamma2 = multiplyAdd(dy2, f32x4.sub(v128.load(x, 32), mean2), gamma2);
      const dy3 = v128.load(dy, 48);
      beta3 = f32x4.add(beta3, dy3);
      gamma3 = multiplyAdd(dy3, f32x4.sub(v128.load(x, 48), mean3), gamma3);
    }
    addBlocks(blocks, beta0, beta1, beta2, beta3);
    addBlocks(blocks, gamma0, gamma1, gamma2, gamma3, 4);
  }
  storeBlocks(dBeta, blocks, count);
  storeColumns(
    dGamma,
    f32x4.mul(sumOfBlocks(blocks, 4), rstdOf(variance, epsilon)),
    f32x4.mul(sumOfBlocks(blocks, 5), rstdOf(variance + 16, epsilon)),
    f32x4.mul(sumOfBlocks(blocks, 6), rstdOf(variance + 32, epsilon)),
    f32x4.mul(sumOfBlocks(blocks, 7), rstdOf(variance + 48, epsilon)),
    count,
  );
}

/** dx = a dy + b (x − mean) + d with a = γ rstd, b = −γ rstd² dγ / N and d = −γ rstd dβ / N. */
export function batchNormBackwardInput(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const x = pointer(args, 2);
  const mean = pointer(args, 3);
  const variance = pointer(args, 4);
  const gamma = pointer(args, 5);
  const dGamma = pointer(args, 6);
  const dBeta = pointer(args, 7);
  const N = size(args, 8);
  const C = size(args, 9);
  const epsilon: f32 = <f32>attribute(args, 10, 0);
  const factors = ownScratch();
  const share = f32x4.splat(-1 / <f32>N);
  for (let first = 0; first < C; first += BLOCK) {
    const width = min(BLOCK, C - first);
    for (let i = 4 * first, to = factors; i < 4 * (first + width); i += 16, to += 16) {
      const rstd = rstdOf(variance + i, epsilon);
      const a = f32x4.mul(v128.load(gamma + i), rstd);
      const shared = f32x4.mul(a, share);
      v128.store(to, a);
      v128.store(to + BLOCK_BYTES, f32x4.mul(f32x4.mul(shared, rstd), v128.load(dGamma + i)));
      v128.store(to + 2 * BLOCK_BYTES, f32x4.mul(shared, v128.load(dBeta + i)));
    }
    for (let n = shareBegin(N), end = shareEnd(N); n < end; n++) {
      const row = 4 * (n * C + first);
      gradientRow(dx + row, dy + row, x + row, mean + 4 * first, factors, width);
    }
  }
}

function gradientRow(dx: usize, dy: usize, x: usize, mean: usize, factors: usize, width: i32): void {
  const whole = 4 * (width & ~3);
  for (let i = 0; i < whole; i += 16) v128.store(dx + i, gradient(dy + i, x + i, mean + i, factors + i));
  if (width & 3) {
    const last = gradient(dy + whole, x + whole, mean + whole, factors + whole);
    storeLanes(dx + whole, last, width & 3);
  }
}

// @ts-ignore: decorator
@inline function gradient(dy: usize, x: usize, mean: usize, factors: usize): v128 {
  const a = v128.load(factors);
  const b = v128.load(factors + BLOCK_BYTES);
  const d = v128.load(factors + 2 * BLOCK_BYTES);
  const centred = f32x4.sub(v128.load(x), v128.load(mean));
  return multiplyAdd(a, v128.load(dy), multiplyAdd(b, centred, d));
}
