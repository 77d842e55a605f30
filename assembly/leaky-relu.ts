// Derivation: src/ops/leaky-relu.ts
import { attribute, pointer, size } from './arguments';
import { bytesBegin, bytesEnd } from './threads';

export function leakyReluForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const n = size(args, 2);
  const α = f32x4.splat(<f32>attribute(args, 3, 0));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const value = v128.load(x + i);
    const passes = f32x4.gt(value, f32x4.splat(0));
    v128.store(y + i, v128.bitselect(value, f32x4.mul(value, α), passes));
  }
}

export function leakyReluBackward(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const y = pointer(args, 2);
  const n = size(args, 3);
  const α = f32x4.splat(<f32>attribute(args, 4, 0));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const gradient = v128.load(dy + i);
    const passes = f32x4.gt(v128.load(y + i), f32x4.splat(0));
    v128.store(dx + i, v128.bitselect(gradient, f32x4.mul(gradient, α), passes));
  }
}
