// Matrix times vector: c (M) = max(A·b + bias, clampMin), for A (M, K) row-major and b (K).
//
// Each row is one dot product, in blocks of four chains of four lanes; the blocks are added in float64.
// Threads share the rows.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { multiplyAdd, sumLanes } from './simd';
import { shareBegin, shareEnd } from './threads';

/** Products of a block: TERMS_PER_BLOCK for each lane. */
const BLOCK: i32 = 16 * TERMS_PER_BLOCK;

/**
 * @param bias one number, or 0 for none
 * @param clampMin lower bound of the results: 0 for ReLU, NO_CLAMP for none
 */
export function gemv(c: usize, a: usize, b: usize, bias: usize, M: i32, K: i32, clampMin: f32): void {
  const start: f32 = bias ? load<f32>(bias) : 0;
  for (let i = shareBegin(M), end = shareEnd(M); i < end; i++) {
    const row = a + 4 * i * K;
    let sum: f64 = 0;
    for (let begin = 0; begin < K; begin += BLOCK) {
      sum += <f64>dot(row + 4 * begin, b + 4 * begin, min(BLOCK, K - begin));
    }
    const result = <f32>sum + start;
    store<f32>(c + 4 * i, result < clampMin ? clampMin : result);
  }
}

/** Σ a[k] b[k] of at most BLOCK products. */
function dot(a: usize, b: usize, K: i32): f32 {
  const whole = K & ~15;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let k = 0; k < whole; k += 16) {
    s0 = multiplyAdd(v128.load(a + 4 * k), v128.load(b + 4 * k), s0);
    s1 = multiplyAdd(v128.load(a + 4 * k, 16), v128.load(b + 4 * k, 16), s1);
    s2 = multiplyAdd(v128.load(a + 4 * k, 32), v128.load(b + 4 * k, 32), s2);
    s3 = multiplyAdd(v128.load(a + 4 * k, 48), v128.load(b + 4 * k, 48), s3);
  }
  let sum = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (let k = whole; k < K; k++) sum += load<f32>(a + 4 * k) * load<f32>(b + 4 * k);
  return sum;
}
