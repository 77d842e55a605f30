// Derivation: src/ops/accuracy.ts
import { pointer, size } from './arguments';

export function countCorrect(args: usize): void {
  const counts = pointer(args, 0);
  const scores = pointer(args, 1);
  const t = pointer(args, 2);
  const B = size(args, 3);
  const C = size(args, 4);
  for (let n = 0; n < B; n++) {
    const target = load<i32>(t + 4 * n);
    const count = counts + 8 * target;
    store<i32>(count, load<i32>(count) + 1);
    if (predictedClass(scores + 4 * n * C, C) == target) store<i32>(count, load<i32>(count, 4) + 1, 4);
  }
}

export function countConfusion(args: usize): void {
  const confusion = pointer(args, 0);
  const scores = pointer(args, 1);
  const t = pointer(args, 2);
  const B = size(args, 3);
  const C = size(args, 4);
  const K = size(args, 5);
  for (let n = 0; n < B; n++) {
    const predicted = predictedClass(scores + 4 * n * C, C);
    const count = confusion + 4 * (load<i32>(t + 4 * n) * K + predicted);
    store<i32>(count, load<i32>(count) + 1);
  }
}

/** The class with the largest score, the first of equal ones; with one column, 1 if the score is above 0. */
function predictedClass(row: usize, C: i32): i32 {
  if (C == 1) return i32(load<f32>(row) > 0);
  let best = 0;
  for (let c = 1; c < C; c++) {
    if (load<f32>(row + 4 * c) > load<f32>(row + 4 * best)) best = c;
  }
  return best;
}
