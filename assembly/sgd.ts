// Derivation: src/ops/sgd.ts
// One pass over weight, velocity and gradient; bound by memory bandwidth.
import { attribute, pointer, size } from './arguments';
import { multiplyAdd } from './simd';
import { learningRate } from './step-state';
import { bytesBegin, bytesEnd } from './threads';

export function sgdUpdate(args: usize): void {
  const w = pointer(args, 0);
  const dw = pointer(args, 1);
  const schedule = pointer(args, 2);
  const state = pointer(args, 3);
  const n = size(args, 4);
  const η = f32x4.splat(-learningRate(schedule, state));
  const λ = f32x4.splat(<f32>attribute(args, 5, 0));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const weight = v128.load(w + i);
    const g = multiplyAdd(λ, weight, v128.load(dw + i));
    v128.store(w + i, multiplyAdd(η, g, weight));
  }
}

export function sgdMomentumUpdate(args: usize): void {
  const w = pointer(args, 0);
  const v = pointer(args, 1);
  const dw = pointer(args, 2);
  const schedule = pointer(args, 3);
  const state = pointer(args, 4);
  const n = size(args, 5);
  const η = f32x4.splat(-learningRate(schedule, state));
  const μ = f32x4.splat(<f32>attribute(args, 6, 0));
  const λ = f32x4.splat(<f32>attribute(args, 6, 1));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const weight = v128.load(w + i);
    const g = multiplyAdd(λ, weight, v128.load(dw + i));
    const velocity = multiplyAdd(μ, v128.load(v + i), g);
    v128.store(v + i, velocity);
    v128.store(w + i, multiplyAdd(η, velocity, weight));
  }
}

export function sgdNesterovUpdate(args: usize): void {
  const w = pointer(args, 0);
  const v = pointer(args, 1);
  const dw = pointer(args, 2);
  const schedule = pointer(args, 3);
  const state = pointer(args, 4);
  const n = size(args, 5);
  const η = f32x4.splat(-learningRate(schedule, state));
  const μ = f32x4.splat(<f32>attribute(args, 6, 0));
  const λ = f32x4.splat(<f32>attribute(args, 6, 1));
  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const weight = v128.load(w + i);
    const g = multiplyAdd(λ, weight, v128.load(dw + i));
    const velocity = multiplyAdd(μ, v128.load(v + i), g);
    v128.store(v + i, velocity);
    v128.store(w + i, multiplyAdd(η, multiplyAdd(μ, velocity, g), weight));
  }
}
