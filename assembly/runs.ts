// The list of runs that a tile of gathered-tile.ts walks, divided into blocks of at most
// TERMS_PER_BLOCK terms. The list depends only on the shapes, and so does the order of summation.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { RUN } from './gathered-tile';

/** The list, its end, the bytes from one k to the next, and the terms that its last block has room for. */
let list: usize = 0;
let end: usize = 0;
let step: i32 = 0;
let room: i32 = 0;

/** Bytes that `count` runs of at most `length` terms need. */
export function runBytes(count: i32, length: i32): i32 {
  return RUN * max(1, count * ((length + TERMS_PER_BLOCK - 1) / TERMS_PER_BLOCK));
}

/** Begins a list at an address. In a run, one k is `aStep` bytes from the next. */
export function beginRuns(at: usize, aStep: i32): void {
  list = at;
  end = at;
  step = aStep;
  room = TERMS_PER_BLOCK;
}

/** Appends a run, or extends the last run if the new one continues it. Long runs are divided evenly. */
export function appendRun(offset: i32, k: i32, count: i32): void {
  if (count > room) endBlock();
  const pieces = (count + TERMS_PER_BLOCK - 1) / TERMS_PER_BLOCK;
  for (let piece = 0; piece < pieces; piece++) {
    const begin = piece * count / pieces;
    const length = (piece + 1) * count / pieces - begin;
    if (length > room) endBlock();
    append(offset + begin * step, k + begin, length);
  }
}

function append(offset: i32, k: i32, count: i32): void {
  room -= count;
  const last = end - RUN;
  if (end > list && load<i32>(last, 12) == 0) {
    const length = load<i32>(last, 8);
    if (load<i32>(last) + step * length == offset && load<i32>(last, 4) + length == k) {
      store<i32>(last, length + count, 8);
      return;
    }
  }
  store<i32>(end, offset);
  store<i32>(end, k, 4);
  store<i32>(end, count, 8);
  store<i32>(end, 0, 12);
  end += RUN;
}

function endBlock(): void {
  if (end == list) return;
  store<i32>(end - RUN, 1, 12);
  room = TERMS_PER_BLOCK;
}

/** Ends the list, and returns the address of its end. A list without terms has one empty run. */
export function endRuns(): usize {
  if (end == list) append(0, 0, 0);
  endBlock();
  return end;
}
