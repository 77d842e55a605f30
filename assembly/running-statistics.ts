// Derivation: src/ops/running-statistics.ts
// All tensors (C), dense.
import { attribute, pointer, size } from './arguments';
import { multiplyAdd } from './simd';

export function updateRunningStatistics(args: usize): void {
  const runningMean = pointer(args, 0);
  const runningVariance = pointer(args, 1);
  const mean = pointer(args, 2);
  const variance = pointer(args, 3);
  const C = size(args, 4);
  const momentum = attribute(args, 5, 0);
  const N = attribute(args, 5, 1);
  updateRunning(runningMean, mean, C, 1 - momentum, momentum);
  updateRunning(runningVariance, variance, C, 1 - momentum, momentum * (N / (N - 1)));
}

/** running ← keep · running + take · current, element by element. */
function updateRunning(running: usize, current: usize, C: i32, keep: f64, take: f64): void {
  const a = f32x4.splat(<f32>keep);
  const b = f32x4.splat(<f32>take);
  for (let i = 0; i < 4 * C; i += 16) {
    const kept = f32x4.mul(a, v128.load(running + i));
    v128.store(running + i, multiplyAdd(b, v128.load(current + i), kept));
  }
}
