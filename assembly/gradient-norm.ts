// Derivation: src/ops/gradient-norm.ts
import { LARGE_SQUARES, LARGE_UNIT } from '../src/ops/constants';
import { attribute, pointer, size } from './arguments';
import { bytesBegin, bytesEnd } from './threads';

export function sumOfSquares(args: usize): void {
  const squares = pointer(args, 0);
  const dw = pointer(args, 1);
  const n = size(args, 2);
  const slot = <i32>attribute(args, 3, 0);
  // Two lanes of float64, so that rounding errors do not add up in long gradients.
  let lanes = f64x2.splat(0);
  const whole = n & ~1;
  for (let i = 0; i < whole; i += 2) {
    const pair = f64x2.promote_low_f32x4(v128.load64_zero(dw + 4 * i));
    lanes = f64x2.add(lanes, f64x2.mul(pair, pair));
  }
  let sum = f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1);
  if (whole < n) {
    const last = <f64>load<f32>(dw + 4 * whole);
    sum += last * last;
  }
  if (sum >= LARGE_SQUARES) sum = -sum / (LARGE_UNIT * LARGE_UNIT);
  store<f32>(squares + 4 * slot, <f32>sum);
}

export function clipFactor(args: usize): void {
  const factor = pointer(args, 0);
  const squares = pointer(args, 1);
  const P = size(args, 2);
  const limit = attribute(args, 3, 0);
  let sum: f64 = 0;
  for (let p = 0; p < P; p++) {
    const term = <f64>load<f32>(squares + 4 * p);
    sum += term < 0 ? -term * (LARGE_UNIT * LARGE_UNIT) : term;
  }
  let quotient = min<f64>(1, limit / (Math.sqrt(sum) + 1e-6));
  if (sum >= LARGE_SQUARES && quotient < 1) quotient *= -LARGE_UNIT;
  store<f32>(factor, <f32>quotient);
}

export function scaleGradient(args: usize): void {
  const dw = pointer(args, 0);
  const factor = pointer(args, 1);
  const n = size(args, 2);
  const signed = load<f32>(factor);
  const isLarge = signed < 0;
  const factors = f32x4.splat(isLarge ? -signed : signed);
  // Exact, so that a product with 1 leaves ordinary gradients as they are.
  const inverseUnits = f32x4.splat(isLarge ? <f32>(1 / LARGE_UNIT) : 1);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const scaled = f32x4.mul(v128.load(dw + i), inverseUnits);
    v128.store(dw + i, f32x4.mul(scaled, factors));
  }
}
