// Derivation: src/ops/add.ts
import { pointer, size } from './arguments';
import { bytesBegin, bytesEnd } from './threads';

export function add(args: usize): void {
  const y = pointer(args, 0);
  const a = pointer(args, 1);
  const b = pointer(args, 2);
  const n = size(args, 3);
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  }
}
