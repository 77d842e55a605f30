// Derivation: src/ops/relu.ts
import { pointer, size } from './arguments';
import { bytesBegin, bytesEnd } from './threads';

export function reluForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const n = size(args, 2);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    v128.store(y + i, f32x4.max(v128.load(x + i), f32x4.splat(0)));
  }
}

export function reluBackward(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const y = pointer(args, 2);
  const n = size(args, 3);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const passes = f32x4.gt(v128.load(y + i), f32x4.splat(0));
    v128.store(dx + i, v128.and(v128.load(dy + i), passes));
  }
}
