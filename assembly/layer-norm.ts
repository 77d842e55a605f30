// Derivation: src/ops/layer-norm.ts
// x, y, dx, dy: N rows of C features; mean, rstd (N); all other tensors (C). Row-major, dense.
//
// y and dx need reductions of rows, so threads share the rows. dγ and dβ are sums over the rows, so
// threads share the features, by vectors of four.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { attribute, pointer, size } from './arguments';
import { addBlock, clearBlocks, sumOfBlocks } from './block-sum';
import { addBlocks, storeBlocks, WIDTH } from './columns';
import { multiplyAdd, storeLanes, sumLanes } from './simd';
import { blockSums, columnsBegin, columnsEnd, shareBegin, shareEnd } from './threads';

/** Bytes of sixteen features: four vectors with one accumulator each. */
const BLOCK: i32 = 4 * WIDTH;
/** Bytes of a block of a row: TERMS_PER_BLOCK for each lane of the accumulators. */
const LONG: i32 = BLOCK * TERMS_PER_BLOCK;

export function layerNormForward(args: usize): void {
  const y = pointer(args, 0);
  const mean = pointer(args, 1);
  const rstd = pointer(args, 2);
  const x = pointer(args, 3);
  const gamma = pointer(args, 4);
  const beta = pointer(args, 5);
  const N = size(args, 6);
  const C = size(args, 7);
  const epsilon: f32 = <f32>attribute(args, 8, 0);
  for (let n = shareBegin(N), end = shareEnd(N); n < end; n++) {
    const row = x + 4 * n * C;
    // Differences from the first feature: in a sum of large numbers, they would be rounded away.
    const origin = load<f32>(row);
    const shift = sumOfDifferences(row, C, origin) / <f32>C;
    const variance = sumOfSquares(row, C, origin, shift) / <f32>C;
    const reciprocal: f32 = 1 / sqrt<f32>(variance + epsilon);
    normaliseRow(y + 4 * n * C, row, gamma, beta, C, origin, shift, reciprocal);
    store<f32>(mean + 4 * n, origin + shift);
    store<f32>(rstd + 4 * n, reciprocal);
  }
}

/** Σ (x − origin) of a row. */
function sumOfDifferences(x: usize, C: i32, origin: f32): f32 {
  let sum: f64 = 0;
  for (let i = 0, bytes = 4 * C; i < bytes; i += LONG) {
    sum += <f64>differences(x + i, min(LONG, bytes - i), origin);
  }
  return <f32>sum;
}

/** Σ (x − origin) of at most LONG bytes. */
function differences(x: usize, bytes: i32, origin: f32): f32 {
  const origins = f32x4.splat(origin);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  let i = 0;
  for (; i + BLOCK <= bytes; i += BLOCK) {
    sum0 = f32x4.add(sum0, f32x4.sub(v128.load(x + i), origins));
    sum1 = f32x4.add(sum1, f32x4.sub(v128.load(x + i, 16), origins));
    sum2 = f32x4.add(sum2, f32x4.sub(v128.load(x + i, 32), origins));
    sum3 = f32x4.add(sum3, f32x4.sub(v128.load(x + i, 48), origins));
  }
  for (; i < bytes; i += 16) {
    sum0 = f32x4.add(sum0, firstLanes(f32x4.sub(v128.load(x + i), origins), bytes - i));
  }
  return sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
}

/** Σ (x − origin − shift)² of a row. */
function sumOfSquares(x: usize, C: i32, origin: f32, shift: f32): f32 {
  let sum: f64 = 0;
  for (let i = 0, bytes = 4 * C; i < bytes; i += LONG) {
    sum += <f64>squares(x + i, min(LONG, bytes - i), origin, shift);
  }
  return <f32>sum;
}

/** Σ (x − origin − shift)² of at most LONG bytes. */
function squares(x: usize, bytes: i32, origin: f32, shift: f32): f32 {
  const origins = f32x4.splat(origin);
  const shifts = f32x4.splat(shift);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  let i = 0;
  for (; i + BLOCK <= bytes; i += BLOCK) {
    const d0 = centred(v128.load(x + i), origins, shifts);
    sum0 = multiplyAdd(d0, d0, sum0);
    const d1 = centred(v128.load(x + i, 16), origins, shifts);
    sum1 = multiplyAdd(d1, d1, sum1);
    const d2 = centred(v128.load(x + i, 32), origins, shifts);
    sum2 = multiplyAdd(d2, d2, sum2);
    const d3 = centred(v128.load(x + i, 48), origins, shifts);
    sum3 = multiplyAdd(d3, d3, sum3);
  }
  for (; i < bytes; i += 16) {
    const d = centred(v128.load(x + i), origins, shifts);
    const counted = firstLanes(d, bytes - i);
    sum0 = multiplyAdd(counted, counted, sum0);
  }
  return sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
}

/** y = (x − origin − shift) rstd γ + β of a row. */
function normaliseRow(
  y: usize, x: usize, gamma: usize, beta: usize,
  C: i32, origin: f32, shift: f32, rstd: f32,
): void {
  const whole = 4 * (C & ~3);
  const origins = f32x4.splat(origin);
  const shifts = f32x4.splat(shift);
  const scale = f32x4.splat(rstd);
  for (let i = 0; i < whole; i += 16) {
    v128.store(y + i, normalise(x + i, gamma + i, beta + i, origins, shifts, scale));
  }
  if (C & 3) {
    const last = normalise(x + whole, gamma + whole, beta + whole, origins, shifts, scale);
    storeLanes(y + whole, last, C & 3);
  }
}

// @ts-ignore: decorator
@inline function normalise(
  x: usize, gamma: usize, beta: usize, origins: v128, shifts: v128, scale: v128,
): v128 {
  const d = centred(v128.load(x), origins, shifts);
  return multiplyAdd(f32x4.mul(d, scale), v128.load(gamma), v128.load(beta));
}

// @ts-ignore: decorator
@inline function centred(x: v128, origins: v128, shifts: v128): v128 {
  return f32x4.sub(f32x4.sub(x, origins), shifts);
}

/** x̂ = (x − mean) rstd */
// @ts-ignore: decorator
@inline function normalised(x: v128, means: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.sub(x, means), scale);
}

/** The lanes within the next `bytes` bytes, and 0 in the others, even where they are NaN. */
// @ts-ignore: decorator
@inline function firstLanes(v: v128, bytes: i32): v128 {
  const places = i32x4(0, 4, 8, 12);
  return v128.and(v, i32x4.lt_s(places, i32x4.splat(bytes)));
}

export function layerNormBackwardParameters(args: usize): void {
  const dGamma = pointer(args, 0);
  const dBeta = pointer(args, 1);
  const dy = pointer(args, 2);
  const x = pointer(args, 3);
  const mean = pointer(args, 4);
  const rstd = pointer(args, 5);
  const N = size(args, 6);
  const C = size(args, 7);
  for (let c = columnsBegin(C), end = columnsEnd(C); c < end; c += WIDTH) {
    const at = 4 * c;
    sumGradients(dGamma + at, dBeta + at, dy + at, x + at, mean, rstd, N, 4 * C, min(WIDTH, end - c));
  }
}

/** dβ = Σ dy and dγ = Σ dy x̂ of up to sixteen features. */
function sumGradients(
  dGamma: usize, dBeta: usize, dy: usize, x: usize, mean: usize, rstd: usize,
  N: i32, rowBytes: i32, count: i32,
): void {
  const blocks = blockSums();
  clearBlocks(blocks, 8);
  for (let n = 0; n < N; ) {
    let beta0 = f32x4.splat(0), gamma0 = f32x4.splat(0);
    let beta1 = f32x4.splat(0), gamma1 = f32x4.splat(0);
    let beta2 = f32x4.splat(0), gamma2 = f32x4.splat(0);
    let beta3 = f32x4.splat(0), gamma3 = f32x4.splat(0);
    for (const end = min(n + TERMS_PER_BLOCK, N); n < end; n++, x += rowBytes, dy += rowBytes) {
      const means = v128.load32_splat(mean + 4 * n);
      const scale = v128.load32_splat(rstd + 4 * n);
      const dy0 = v128.load(dy);
      beta0 = f32x4.add(beta0, dy0);
      gamma0 = multiplyAdd(dy0, normalised(v128.load(x), means, scale), gamma0);
      const dy1 = v128.load(dy, 16);
      beta1 = f32x4.add(beta1, dy1);
      gamma1 = multiplyAdd(dy1, normalised(v128.load(x, 16), means, scale), gamma1);
      const dy2 = v128.load(dy, 32);
      beta2 = f32x4.add(beta2, dy2);
      gamma2 = multiplyAdd(dy2, normalised(v128.load(x, 32), means, scale), gamma2);
      const dy3 = v128.load(dy, 48);
      beta3 = f32x4.add(beta3, dy3);
      gamma3 = multiplyAdd(dy3, normalised(v128.load(x, 48), means, scale), gamma3);
    }
    addBlocks(blocks, beta0, beta1, beta2, beta3);
    addBlocks(blocks, gamma0, gamma1, gamma2, gamma3, 4);
  }
  storeBlocks(dBeta, blocks, count);
  storeBlocks(dGamma, blocks, count, 4);
}

export function layerNormBackwardInput(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const x = pointer(args, 2);
  const mean = pointer(args, 3);
  const rstd = pointer(args, 4);
  const gamma = pointer(args, 5);
  const N = size(args, 6);
  const C = size(args, 7);
  for (let n = shareBegin(N), end = shareEnd(N); n < end; n++) {
    const row = 4 * n * C;
    gradientRow(dx + row, dy + row, x + row, gamma, C, load<f32>(mean + 4 * n), load<f32>(rstd + 4 * n));
  }
}

/** dx = rstd (dx̂ − (Σ dx̂ + x̂ Σ dx̂ x̂)/C) of a row, with dx̂ = γ dy. */
function gradientRow(
  dx: usize, dy: usize, x: usize, gamma: usize,
  C: i32, mean: f32, rstd: f32,
): void {
  const bytes = 4 * C;
  const means = f32x4.splat(mean);
  const scale = f32x4.splat(rstd);
  const blocks = blockSums();
  clearBlocks(blocks, 2);
  for (let i = 0; i < bytes; ) {
    let sum = f32x4.splat(0), along = f32x4.splat(0);
    const end = min(i + 16 * TERMS_PER_BLOCK, bytes);
    for (; i + 16 <= end; i += 16) {
      const d = f32x4.mul(v128.load(gamma + i), v128.load(dy + i));
      sum = f32x4.add(sum, d);
      along = multiplyAdd(d, normalised(v128.load(x + i), means, scale), along);
    }
    if (i < end) {
      const d = firstLanes(f32x4.mul(v128.load(gamma + i), v128.load(dy + i)), end - i);
      const xHat = firstLanes(normalised(v128.load(x + i), means, scale), end - i);
      sum = f32x4.add(sum, d);
      along = multiplyAdd(d, xHat, along);
      i = end;
    }
    addBlock(blocks, 0, sum);
    addBlock(blocks, 1, along);
  }
  const meanOfGradient = f32x4.splat(sumLanes(sumOfBlocks(blocks, 0)) / <f32>C);
  const meanAlong = f32x4.splat(sumLanes(sumOfBlocks(blocks, 1)) / <f32>C);
  for (let i = 0; i < bytes; i += 16) {
    const d = f32x4.mul(v128.load(gamma + i), v128.load(dy + i));
    const xHat = normalised(v128.load(x + i), means, scale);
    const taken = multiplyAdd(xHat, meanAlong, meanOfGradient);
    storeLanes(dx + i, f32x4.mul(scale, f32x4.sub(d, taken)), (bytes - i) >> 2);
  }
}
