// Derivation: src/ops/squared-error.ts
import { attribute, pointer, size } from './arguments';
import { bytesBegin, bytesEnd } from './threads';

export function squaredErrorForward(args: usize): void {
  const L = pointer(args, 0);
  const y = pointer(args, 1);
  const t = pointer(args, 2);
  const n = size(args, 3);
  const scale = attribute(args, 4, 0);
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) {
    const difference = <f64>load<f32>(y + 4 * i) - <f64>load<f32>(t + 4 * i);
    sum += difference * difference;
  }
  store<f32>(L, <f32>(scale * sum));
}

export function squaredErrorBackward(args: usize): void {
  const dy = pointer(args, 0);
  const y = pointer(args, 1);
  const t = pointer(args, 2);
  const n = size(args, 3);
  const factor = f32x4.splat(<f32>(2 * attribute(args, 4, 0)));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const difference = f32x4.sub(v128.load(y + i), v128.load(t + i));
    v128.store(dy + i, f32x4.mul(difference, factor));
  }
}
