// Derivation: src/ops/dropout.ts
import { DROPOUT_BLOCKS, DROPOUT_GROUP, HALF_VALUES } from '../src/ops/constants';
import { attribute, pointer, size } from './arguments';
import { stepNumber } from './step-state';
import { SCHEDULE_BYTES, expandKey, threefry4 } from './threefry';
import { bytesBegin, bytesEnd, ownScratch } from './threads';

export function dropoutForward(args: usize): void {
  mask(args);
}

export function dropoutBackward(args: usize): void {
  mask(args);
}

/**
 * to = from · mask / (1 − p), sixteen elements at a time, with the words of four random blocks. The last
 * sixteen may extend beyond the tensor's end, but not beyond its last cache line.
 */
function mask(args: usize): void {
  const to = pointer(args, 0);
  const from = pointer(args, 1);
  const state = pointer(args, 2);
  const step = i32x4.splat(stepNumber(state));
  const n = size(args, 3);
  const dropped = min(floor(attribute(args, 4, 2) * <f64>HALF_VALUES + 0.5), <f64>HALF_VALUES - 1);
  const threshold = i32x4.splat(<i32>dropped);
  const scale = f32x4.splat(<f32>(<f64>HALF_VALUES / (<f64>HALF_VALUES - dropped)));
  const low = i32x4.splat(0xFFFF);

  const schedule = ownScratch();
  const words = schedule + SCHEDULE_BYTES;
  expandKey(schedule, lowBits(attribute(args, 4, 0)), lowBits(attribute(args, 4, 1)));
  const begin = bytesBegin(n);
  // A group of 16 elements (64 bytes) takes four blocks: block number = byte offset / 16.
  let blocks = i32x4.add(i32x4.splat(begin / 16), i32x4(0, 1, 2, 3));
  for (let i = begin, end = bytesEnd(n); i < end; i += 4 * DROPOUT_GROUP) {
    threefry4(words, schedule, blocks, step);
    const w0 = v128.load(words);
    const w1 = v128.load(words, 16);
    keep(to + i, from + i, v128.and(w0, low), threshold, scale);
    keep(to + i + 16, from + i + 16, i32x4.shr_u(w0, 16), threshold, scale);
    keep(to + i + 32, from + i + 32, v128.and(w1, low), threshold, scale);
    keep(to + i + 48, from + i + 48, i32x4.shr_u(w1, 16), threshold, scale);
    blocks = i32x4.add(blocks, i32x4.splat(DROPOUT_BLOCKS));
  }
}

/** Keeps or drops four elements, each by one half of a random word. */
// @ts-ignore: decorator
@inline function keep(to: usize, from: usize, halves: v128, threshold: v128, scale: v128): void {
  const kept = i32x4.ge_s(halves, threshold);
  v128.store(to, v128.and(f32x4.mul(v128.load(from), scale), kept));
}

// @ts-ignore: decorator
@inline function lowBits(value: f64): i32 {
  return <i32><i64>value;
}
