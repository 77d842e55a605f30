// Derivation: src/ops/step-state.ts
//
//   state   [ i32 step | i32 row | i32 position | i32 0 ]
import { STATE_POSITION, STATE_ROW, STATE_STEP } from '../src/ops/constants';
import { attribute, pointer } from './arguments';

// @ts-ignore: decorator
@inline export function stepNumber(state: usize): i32 {
  return load<i32>(state, 4 * STATE_STEP);
}

// @ts-ignore: decorator
@inline function row(state: usize): i32 {
  return load<i32>(state, 4 * STATE_ROW);
}

// @ts-ignore: decorator
@inline export function position(state: usize): i32 {
  return load<i32>(state, 4 * STATE_POSITION);
}

// @ts-ignore: decorator
@inline export function learningRate(schedule: usize, state: usize): f32 {
  return load<f32>(schedule + 4 * row(state));
}

export function recordLoss(args: usize): void {
  const losses = pointer(args, 0);
  const L = pointer(args, 1);
  const state = pointer(args, 2);
  store<f32>(losses + 4 * row(state), load<f32>(L));
}

export function advance(args: usize): void {
  const state = pointer(args, 0);
  const batchSize = <i32>attribute(args, 1, 0);
  store<i32>(state, stepNumber(state) + 1, 4 * STATE_STEP);
  store<i32>(state, row(state) + 1, 4 * STATE_ROW);
  store<i32>(state, position(state) + batchSize, 4 * STATE_POSITION);
}
