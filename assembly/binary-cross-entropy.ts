// Derivation: src/ops/binary-cross-entropy.ts
// logits z (B, 1), probabilities p (B, 1), targets t (B) int32, 0 or 1.
import { pointer, size } from './arguments';
import { log1p } from './logarithm';
import { expOfNonPositive4 } from './exp';
import { sigmoidFrom } from './sigmoid';

export function binaryCrossEntropyForward(args: usize): void {
  const L = pointer(args, 0);
  const p = pointer(args, 1);
  const z = pointer(args, 2);
  const t = pointer(args, 3);
  const B = size(args, 4);
  // p holds e^−|z| until the losses are summed.
  for (let n = 0; n < B; n += 4) {
    v128.store(p + 4 * n, expOfNonPositive4(f32x4.neg(f32x4.abs(v128.load(z + 4 * n)))));
  }
  let sum: f64 = 0;
  for (let n = 0; n < B; n++) {
    const logit = <f64>load<f32>(z + 4 * n);
    const target = <f64>load<i32>(t + 4 * n);
    sum += max(logit, 0) - target * logit + log1p(<f64>load<f32>(p + 4 * n));
  }
  for (let n = 0; n < B; n += 4) {
    v128.store(p + 4 * n, sigmoidFrom(v128.load(p + 4 * n), v128.load(z + 4 * n)));
  }
  store<f32>(L, <f32>(sum / <f64>B));
}

export function binaryCrossEntropyBackward(args: usize): void {
  const dz = pointer(args, 0);
  const p = pointer(args, 1);
  const t = pointer(args, 2);
  const B = size(args, 3);
  const scale = f32x4.splat(<f32>(1.0 / <f64>B));
  for (let n = 0; n < B; n += 4) {
    const target = f32x4.convert_i32x4_s(v128.load(t + 4 * n));
    v128.store(dz + 4 * n, f32x4.mul(f32x4.sub(v128.load(p + 4 * n), target), scale));
  }
}
