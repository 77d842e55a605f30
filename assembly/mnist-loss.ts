// Derivation: src/ops/mnist-loss.ts
// logits z (B, 1), probabilities p (B, 1), targets t (B) int32, 0 or 1.
import { pointer, size } from './arguments';
import { sigmoid4 } from './sigmoid';

export function mnistLossForward(args: usize): void {
  const L = pointer(args, 0);
  const p = pointer(args, 1);
  const z = pointer(args, 2);
  const t = pointer(args, 3);
  const B = size(args, 4);
  // p holds the losses until they are summed. 1 − σ(z) is computed as σ(−z), which cancels nothing.
  for (let n = 0; n < B; n += 4) {
    const logits = v128.load(z + 4 * n);
    const positive = i32x4.eq(v128.load(t + 4 * n), i32x4.splat(1));
    v128.store(p + 4 * n, sigmoid4(v128.bitselect(f32x4.neg(logits), logits, positive)));
  }
  let sum: f64 = 0;
  for (let n = 0; n < B; n++) sum += <f64>load<f32>(p + 4 * n);
  for (let n = 0; n < B; n += 4) v128.store(p + 4 * n, sigmoid4(v128.load(z + 4 * n)));
  store<f32>(L, <f32>(sum / <f64>B));
}

export function mnistLossBackward(args: usize): void {
  const dz = pointer(args, 0);
  const p = pointer(args, 1);
  const t = pointer(args, 2);
  const B = size(args, 3);
  const one = f32x4.splat(1);
  const scale = f32x4.splat(<f32>(1.0 / <f64>B));
  for (let n = 0; n < B; n += 4) {
    const probability = v128.load(p + 4 * n);
    const slope = f32x4.mul(f32x4.mul(probability, f32x4.sub(one, probability)), scale);
    const positive = i32x4.eq(v128.load(t + 4 * n), i32x4.splat(1));
    v128.store(dz + 4 * n, v128.bitselect(f32x4.neg(slope), slope, positive));
  }
}
