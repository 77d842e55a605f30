// Derivation: src/ops/adam.ts
// One pass over weight, both moments and gradient. The bias corrections are constant during a call,
// so they are folded into the learning rate and into the root:
//
//   η m̂ / (√v̂ + ε) = (η / (1 − β₁ᵗ)) m / (√v · 1/√(1 − β₂ᵗ) + ε)
import { attribute, pointer, size } from './arguments';
import { multiplyAdd } from './simd';
import { learningRate, stepNumber } from './step-state';
import { bytesBegin, bytesEnd } from './threads';

export function adamUpdate(args: usize): void {
  adam(args, attribute(args, 7, 3), 0);
}

export function adamWUpdate(args: usize): void {
  adam(args, 0, attribute(args, 7, 3));
}

/** `penalty`·w is added to the gradient (L2); w is first scaled by 1 − η·`shrink` (decoupled decay). */
function adam(args: usize, penalty: f64, shrink: f64): void {
  const w = pointer(args, 0);
  const m = pointer(args, 1);
  const v = pointer(args, 2);
  const dw = pointer(args, 3);
  const schedule = pointer(args, 4);
  const state = pointer(args, 5);
  const η = <f64>learningRate(schedule, state);
  const t = stepNumber(state);
  const n = size(args, 6);
  const beta1 = attribute(args, 7, 0);
  const beta2 = attribute(args, 7, 1);

  const keep1 = f32x4.splat(<f32>beta1);
  const take1 = f32x4.splat(<f32>(1 - beta1));
  const keep2 = f32x4.splat(<f32>beta2);
  const take2 = f32x4.splat(<f32>(1 - beta2));
  const ε = f32x4.splat(<f32>attribute(args, 7, 2));
  const λ = f32x4.splat(<f32>penalty);
  const kept = f32x4.splat(<f32>(1 - η * shrink));
  const rate = f32x4.splat(<f32>(η / (1 - power(beta1, t))));
  const correction = f32x4.splat(<f32>(1 / Math.sqrt(1 - power(beta2, t))));

  for (let i = bytesBegin(n), end = bytesEnd(n); i < end; i += 16) {
    const weight = v128.load(w + i);
    const g = multiplyAdd(λ, weight, v128.load(dw + i));
    const mean = multiplyAdd(keep1, v128.load(m + i), f32x4.mul(take1, g));
    const square = multiplyAdd(keep2, v128.load(v + i), f32x4.mul(f32x4.mul(take2, g), g));
    v128.store(m + i, mean);
    v128.store(v + i, square);
    const root = multiplyAdd(f32x4.sqrt(square), correction, ε);
    const change = f32x4.div(f32x4.mul(rate, mean), root);
    v128.store(w + i, f32x4.sub(f32x4.mul(kept, weight), change));
  }
}

/** xⁿ for n ≥ 0, by squaring. */
function power(x: f64, n: i32): f64 {
  let result: f64 = 1;
  for (; n > 0; n >>= 1, x *= x) if (n & 1) result *= x;
  return result;
}
