// Derivation: src/ops/gelu.ts
import { pointer, size } from './arguments';
import { expOfNonPositive4 } from './exp';
import { multiplyAdd } from './simd';
import { bytesBegin, bytesEnd } from './threads';

/**
 * Constants, loaded from memory at each use: see exp.ts.
 *
 *   0 … 4 coefficients of p, highest first | 5 … 9 those of q | 10 1 | 11 1/2 | 12 −1/6 | 13 1/√(2π)
 *   14 FARTHEST
 */
const TABLE = memory.data<f32>([
  0.004015935898359963, 0.03995535174127911, 0.18122095780154995, 0.4355699312568599, 0.5,
  0.01006631413847713, 0.10016063920635787, 0.46415387816311277, 1.1941269104136591, 1.6690247787976646,
  1, 0.5, -0.16666666666666667, 0.3989422804014327, 14,
]);

/** Larger t, such as ∞, are replaced by 14: from 13.3 on, e^(−t²/2) is 0, since it would be subnormal. */
const FARTHEST: usize = 14;

// @ts-ignore: decorator
@inline function constant(i: usize): v128 {
  return v128.load32_splat(TABLE + 4 * i);
}

/**
 * e^(−t²/2), four at a time, for 0 ≤ t ≤ 14.
 *
 * Rounding t² would cause an error of 40 ULP. So t = h + (t − h), where h has 12 significant bits and
 * therefore an exact square:
 *
 *   t²/2 = h²/2 + r,  r = (t − h)(t + h)/2, |r| < 0.03
 *   e^(−t²/2) = e^(−h²/2) (1 − r + r²/2 − r³/6)
 */
// @ts-ignore: decorator
@inline function bell4(t: v128): v128 {
  const h = v128.and(i32x4.add(t, i32x4.splat(0x800)), i32x4.splat(0xFFFFF000));
  const half = constant(11);
  const r = f32x4.mul(f32x4.sub(t, h), f32x4.mul(f32x4.add(t, h), half));
  const e = expOfNonPositive4(f32x4.mul(f32x4.mul(h, h), f32x4.neg(half)));
  const s = multiplyAdd(multiplyAdd(constant(12), r, half), r, f32x4.neg(constant(10)));
  return multiplyAdd(f32x4.mul(e, r), s, e);
}

/**
 * Q(t) / e^(−t²/2), four at a time, as p(t) / q(t) of degrees 4 and 5: the minimax approximation for
 * 0 ≤ t ≤ 13.25, with a relative error of 5·10⁻⁹ before rounding. All coefficients are positive, so
 * nothing cancels. They were fitted for this file by iteratively reweighted least squares.
 */
// @ts-ignore: decorator
@inline function tailRatio4(t: v128): v128 {
  let p = constant(0);
  p = multiplyAdd(p, t, constant(1));
  p = multiplyAdd(p, t, constant(2));
  p = multiplyAdd(p, t, constant(3));
  p = multiplyAdd(p, t, constant(4));
  let q = constant(5);
  q = multiplyAdd(q, t, constant(6));
  q = multiplyAdd(q, t, constant(7));
  q = multiplyAdd(q, t, constant(8));
  q = multiplyAdd(q, t, constant(9));
  q = multiplyAdd(q, t, constant(10));
  return f32x4.div(p, q);
}

/**
 * y = max(x, 0) − t Q(t).
 *
 * Measured error: at most 4.2 ULP for x ≥ −1, and 7.3 ULP for −12.5 ≤ x < −1. Below −13.2 the result
 * is 0, where the exact value is less than 10⁻³⁷ in magnitude.
 */
export function geluForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const n = size(args, 2);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const value = v128.load(x + i);
    const t = f32x4.min(f32x4.abs(value), constant(FARTHEST));
    const bump = f32x4.mul(f32x4.mul(t, tailRatio4(t)), bell4(t));
    v128.store(y + i, f32x4.sub(f32x4.max(value, f32x4.splat(0)), bump));
  }
}

/**
 * dx = dy (Φ(x) + x φ(x)).
 *
 * Measured error for x ≥ −12.5: at most 5.1 · 2⁻²⁴ · |dy| (Φ(x) + |x| φ(x)).
 */
export function geluBackward(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const x = pointer(args, 2);
  const n = size(args, 3);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const value = v128.load(x + i);
    const t = f32x4.min(f32x4.abs(value), constant(FARTHEST));
    const bell = bell4(t);
    const tail = f32x4.mul(tailRatio4(t), bell);
    const sign = v128.and(value, f32x4.splat(-0.0));
    const below = f32x4.lt(value, f32x4.splat(0));
    const distribution = v128.bitselect(tail, f32x4.sub(constant(10), tail), below);
    const density = f32x4.mul(bell, constant(13));
    const slope = multiplyAdd(v128.or(t, sign), density, distribution);
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), slope));
  }
}
