// Derivation: src/ops/gradient-norm.ts
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
  store<f32>(squares + 4 * slot, <f32>sum);
}

export function clipFactor(args: usize): void {
  const factor = pointer(args, 0);
  const squares = pointer(args, 1);
  const P = size(args, 2);
  const limit = attribute(args, 3, 0);
  let sum: f64 = 0;
  for (let p = 0; p < P; p++) sum += <f64>load<f32>(squares + 4 * p);
  store<f32>(factor, <f32>min(1, limit / (Math.sqrt(sum) + 1e-6)));
}

export function scaleGradient(args: usize): void {
  const dw = pointer(args, 0);
  const factor = pointer(args, 1);
  const n = size(args, 2);
  const factors = f32x4.splat(load<f32>(factor));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    v128.store(dw + i, f32x4.mul(v128.load(dw + i), factors));
  }
}
