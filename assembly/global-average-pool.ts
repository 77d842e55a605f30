// Derivation: src/ops/global-average-pool.ts
// x, dx (B, P, C) and y, dy (B, C), row-major and dense. Forward, threads share blocks of sixteen
// channels of an image. Backward, they share the pixels.
import { pointer, size } from './arguments';
import { averageColumns, WIDTH } from './columns';
import { storeLanes } from './simd';
import { shareBegin, shareEnd } from './threads';

export function globalAveragePoolForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const B = size(args, 2);
  const P = size(args, 3);
  const C = size(args, 4);
  const blocks = (C + WIDTH - 1) / WIDTH;
  for (let i = shareBegin(B * blocks), end = shareEnd(B * blocks); i < end; i++) {
    const n = i / blocks;
    const c = WIDTH * (i % blocks);
    averageColumns(y + 4 * (n * C + c), x + 4 * (n * P * C + c), P, 4 * C, min(WIDTH, C - c));
  }
}

export function globalAveragePoolBackward(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const B = size(args, 2);
  const P = size(args, 3);
  const C = size(args, 4);
  const share = f32x4.splat(1 / <f32>P);
  for (let pixel = shareBegin(B * P), end = shareEnd(B * P); pixel < end; pixel++) {
    const to = dx + 4 * pixel * C;
    const from = dy + 4 * (pixel / P) * C;
    for (let c = 0; c < C; c += 4) {
      storeLanes(to + 4 * c, f32x4.mul(v128.load(from + 4 * c), share), C - c);
    }
  }
}
