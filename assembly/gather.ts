// Derivation: src/ops/gather.ts
// x (B, F) float32, data (N, F) bytes or float32, index (N) int32; all row-major and dense.
import { attribute, pointer, size } from './arguments';
import { multiplyAdd } from './simd';
import { position } from './step-state';
import { shareBegin, shareEnd } from './threads';

export function gatherBytes(args: usize): void {
  const x = pointer(args, 0);
  const data = pointer(args, 1);
  const index = pointer(args, 2);
  const state = pointer(args, 3);
  const batch = index + 4 * position(state);
  const B = size(args, 4);
  const F = size(args, 5);
  const mean = attribute(args, 6, 0);
  const std = attribute(args, 6, 1);
  const a: f32 = <f32>(1 / (255 * std));
  const b: f32 = <f32>(-mean / std);
  for (let n = shareBegin(B), end = shareEnd(B); n < end; n++) {
    normaliseRow(x + 4 * n * F, data + load<i32>(batch + 4 * n) * F, F, a, b);
  }
}

/** x[f] = bytes[f]·a + b, sixteen elements at a time. */
function normaliseRow(x: usize, bytes: usize, F: i32, a: f32, b: f32): void {
  const scale = f32x4.splat(a);
  const shift = f32x4.splat(b);
  const whole = F & ~15;
  for (let f = 0; f < whole; f += 16) {
    const all = v128.load(bytes + f);
    const low = i16x8.extend_low_i8x16_u(all);
    const high = i16x8.extend_high_i8x16_u(all);
    const to = x + 4 * f;
    v128.store(to, normalise(i32x4.extend_low_i16x8_u(low), scale, shift), 0);
    v128.store(to, normalise(i32x4.extend_high_i16x8_u(low), scale, shift), 16);
    v128.store(to, normalise(i32x4.extend_low_i16x8_u(high), scale, shift), 32);
    v128.store(to, normalise(i32x4.extend_high_i16x8_u(high), scale, shift), 48);
  }
  for (let f = whole; f < F; f++) {
    const byte = i32x4.splat(<i32>load<u8>(bytes + f));
    v128.store32_lane(x + 4 * f, normalise(byte, scale, shift), 0);
  }
}

// @ts-ignore: decorator
@inline function normalise(bytes: v128, scale: v128, shift: v128): v128 {
  return multiplyAdd(f32x4.convert_i32x4_s(bytes), scale, shift);
}

export function gatherReals(args: usize): void {
  const x = pointer(args, 0);
  const data = pointer(args, 1);
  const index = pointer(args, 2);
  const state = pointer(args, 3);
  const batch = index + 4 * position(state);
  const B = size(args, 4);
  const F = size(args, 5);
  const rowBytes = 4 * F;
  for (let n = shareBegin(B), end = shareEnd(B); n < end; n++) {
    memory.copy(x + n * rowBytes, data + load<i32>(batch + 4 * n) * rowBytes, rowBytes);
  }
}

export function gatherLabels(args: usize): void {
  const t = pointer(args, 0);
  const labels = pointer(args, 1);
  const index = pointer(args, 2);
  const state = pointer(args, 3);
  const batch = index + 4 * position(state);
  const B = size(args, 4);
  for (let n = 0; n < B; n++) {
    store<i32>(t + 4 * n, load<i32>(labels + 4 * load<i32>(batch + 4 * n)));
  }
}
