// The step walker: runs a list of kernel calls many times without leaving WebAssembly.
//
//   list   one entry per call:  [ u32 kernel in the function table | u32 arguments | u32 flags | 0 ]
//   flags  1: divide the call among all threads    2: wait for all threads first
//
// Every thread walks the whole list. A call that is not divided is thread 0's; the others pass it by.
import { awaitRun, barrier, beginRun, divide, job, threadNumber } from './threads';

const ENTRY: usize = 16;
const DIVIDED: u32 = 1;
const AFTER_BARRIER: u32 = 2;

/** Runs a step `times` times with the whole team. False when a thread failed. */
export function runStep(list: usize, calls: i32, times: i32): bool {
  if (!ASC_FEATURE_THREADS) return walk(list, calls, times);
  store<usize>(job(), list);
  store<i32>(job(), calls, 4);
  store<i32>(job(), times, 8);
  beginRun();
  return barrier() && walk(list, calls, times) && barrier();
}

/** Runs a step of which no call is divided: the other threads sleep on. */
export function runAlone(list: usize, calls: i32, times: i32): bool {
  return walk(list, calls, times);
}

/** What a worker does all its life: wait for a run and take part in it. Returns when a thread failed. */
export function work(): void {
  if (!ASC_FEATURE_THREADS) return;
  while (awaitRun()) {
    beginRun();
    if (!walk(load<usize>(job()), load<i32>(job(), 4), load<i32>(job(), 8)) || !barrier()) return;
  }
}

function walk(list: usize, calls: i32, times: i32): bool {
  const end = list + ENTRY * calls;
  for (let t = 0; t < times; t++) {
    for (let entry = list; entry < end; entry += ENTRY) {
      const flags = load<u32>(entry, 8);
      if (flags & AFTER_BARRIER && !barrier()) return false;
      if (!(flags & DIVIDED) && threadNumber() > 0) continue;
      divide((flags & DIVIDED) != 0);
      call_indirect<void>(load<u32>(entry), <usize>load<u32>(entry, 4));
    }
  }
  return true;
}
