// Exponentials, four at a time.
import { multiplyAdd } from './simd';

/**
 * Constants, loaded from memory at each use: V8 builds a vector constant with several instructions at
 * every use, while a load is one instruction.
 *
 *   0 log₂ e | 1, 2 −ln 2 in two parts | 3 … 8 coefficients of p | 9 1 | 10, 11 smallest and largest x
 *   12 ROUNDER
 *
 * ln 2 = 0.693145751953125 + 1.42860677·10⁻⁶. The first part has 15 significant bits, so its product
 * with an integer below 2⁹ is exact.
 */
const TABLE = memory.data<f32>([
  1.44269504088896341, -0.693145751953125, -1.42860677e-6,
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  1, -87.33654, 88.72283, 12582912,
]);

/**
 * 1.5 · 2²³. Adding it to |x| < 2²² rounds x to an integer n, which is then in the lowest bits of the
 * sum: two additions instead of the dozen instructions of rounding and conversion.
 */
const ROUNDER: usize = 12;

// @ts-ignore: decorator
@inline function constant(i: usize): v128 {
  return v128.load32_splat(TABLE + 4 * i);
}

/**
 * eˣ, four at a time.
 *
 *   x = n ln 2 + r, |r| ≤ ln 2 / 2        eˣ = 2ⁿ eʳ
 *   eʳ = 1 + r + r²·p(r)                  p of degree 5, fitted over that interval (Cephes, expf)
 *
 * 2ⁿ is applied as two factors, so that n = 128 does not overflow the exponent field.
 * Range: 0 below −87.33654, where eˣ would be subnormal; ∞ above 88.72283. NaN stays NaN.
 * Error: below 1 ULP, with and without fused multiply-adds, for two million arguments in that range
 * (test/ops/exp.test.ts).
 */
export function exp4(x: v128): v128 {
  const rounded = multiplyAdd(x, constant(0), constant(ROUNDER));
  const whole = i32x4.sub(rounded, constant(ROUNDER));
  const half = i32x4.shr_s(whole, 1);
  const power = expOfRemainder(x, f32x4.sub(rounded, constant(ROUNDER)));
  const y = f32x4.mul(f32x4.mul(power, powerOf2(half)), powerOf2(i32x4.sub(whole, half)));
  const flushed = v128.andnot(y, f32x4.lt(x, constant(10)));
  return v128.bitselect(f32x4.splat(Infinity), flushed, f32x4.gt(x, constant(11)));
}

/** eˣ for x ≤ 0, where one factor 2ⁿ cannot overflow. The results equal those of `exp4`. */
// @ts-ignore: decorator
@inline export function expOfNonPositive4(x: v128): v128 {
  const rounded = multiplyAdd(x, constant(0), constant(ROUNDER));
  const power = expOfRemainder(x, f32x4.sub(rounded, constant(ROUNDER)));
  const y = f32x4.mul(power, powerOf2(rounded));
  return v128.andnot(y, f32x4.lt(x, constant(10)));
}

/** eʳ with r = x − n ln 2. */
// @ts-ignore: decorator
@inline function expOfRemainder(x: v128, n: v128): v128 {
  const r = multiplyAdd(n, constant(2), multiplyAdd(n, constant(1), x));
  let p = constant(3);
  p = multiplyAdd(p, r, constant(4));
  p = multiplyAdd(p, r, constant(5));
  p = multiplyAdd(p, r, constant(6));
  p = multiplyAdd(p, r, constant(7));
  p = multiplyAdd(p, r, constant(8));
  return f32x4.add(multiplyAdd(f32x4.mul(r, r), p, r), constant(9));
}

/** 2ⁿ for −126 ≤ n ≤ 127: adds the lowest nine bits of n to the exponent field of 1. */
// @ts-ignore: decorator
@inline function powerOf2(n: v128): v128 {
  return i32x4.add(i32x4.shl(n, 23), constant(9));
}
