// Four-lane helpers that every kernel shares.

// @ts-ignore: decorator
@inline export const LANES: i32 = 4;

/** a·b + c. One rounding where the engine has relaxed SIMD on a CPU with FMA, two elsewhere. */
// @ts-ignore: decorator
@inline export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the four lanes, in the order (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline export function maxLanes(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** Stores the first `count` lanes, 1 … 4, and leaves the memory behind them alone. */
// @ts-ignore: decorator
@inline export function storeLanes(address: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(address, v);
    return;
  }
  if (count & 2) {
    v128.store64_lane(address, v, 0);
    if (count & 1) v128.store32_lane(address, v, 2, 8);
  } else {
    v128.store32_lane(address, v, 0);
  }
}

const LOG2_E: f32 = 1.44269504088896341;
// ln 2 in two parts: n·LN2_HIGH is exact for |n| < 2⁹, since LN2_HIGH has 15 significant bits.
const LN2_HIGH: f32 = 0.693145751953125;
const LN2_LOW: f32 = 1.42860677e-6;
const EXP_SMALLEST: f32 = -87.33654;
const EXP_LARGEST: f32 = 88.72283;

/**
 * eˣ, four at a time.
 *
 *   x = n ln 2 + r, |r| ≤ ln 2 / 2        eˣ = 2ⁿ eʳ
 *   eʳ = 1 + r + r²·p(r)                  p of degree 5, fitted over that interval (Cephes, expf)
 *
 * 2ⁿ is applied as two factors, so that n = 128 does not overflow the exponent field.
 * Range: below −87.33654, where eˣ leaves the normal numbers, 0; above 88.72283, ∞. NaN stays NaN.
 * Error, measured over every float32 argument in that range: at most 0.99 ULP, and 1.02 ULP with
 * fused multiply-adds (test/ops/exp.test.ts).
 */
export function exp4(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2_E)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.9875691500e-4);
  p = multiplyAdd(p, r, f32x4.splat(1.3981999507e-3));
  p = multiplyAdd(p, r, f32x4.splat(8.3334519073e-3));
  p = multiplyAdd(p, r, f32x4.splat(4.1665795894e-2));
  p = multiplyAdd(p, r, f32x4.splat(1.6666665459e-1));
  p = multiplyAdd(p, r, f32x4.splat(5.0000001201e-1));
  const power = f32x4.add(multiplyAdd(f32x4.mul(r, r), p, r), f32x4.splat(1));
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const y = f32x4.mul(f32x4.mul(power, powerOf2(half)), powerOf2(i32x4.sub(whole, half)));
  const flushed = v128.andnot(y, f32x4.lt(x, f32x4.splat(EXP_SMALLEST)));
  return v128.bitselect(f32x4.splat(Infinity), flushed, f32x4.gt(x, f32x4.splat(EXP_LARGEST)));
}

/** 2ⁿ for −126 ≤ n ≤ 127: n in the exponent field. */
// @ts-ignore: decorator
@inline function powerOf2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}
