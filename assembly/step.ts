// The step walker: runs a list of kernel calls many times without leaving WebAssembly.
//
//   list   one entry per call:  [ u32 kernel in the function table | u32 arguments | u32 flags | u32 errors ]
//
// Every thread walks the whole list. Thread 0 alone runs the calls that are not partitioned.
import {
  AFTER_BARRIER, ENTRY_ARGUMENTS, ENTRY_BYTES, ENTRY_ERRORS, ENTRY_FLAGS, ENTRY_KERNEL, PARTITIONED,
} from '../src/backends/wasm/constants';
import { setRoundingErrors } from './block-sum';
import { awaitRun, barrier, beginRun, job, partition, threadNumber } from './threads';

/** Runs a step `times` times on all threads. False when a thread failed. */
export function runStep(list: usize, calls: i32, times: i32): bool {
  if (!ASC_FEATURE_THREADS) return walk(list, calls, times);
  store<usize>(job(), list);
  store<i32>(job(), calls, 4);
  store<i32>(job(), times, 8);
  beginRun();
  return barrier() && walk(list, calls, times) && barrier();
}

/** Runs a step without partitioned calls on thread 0, while the workers sleep. */
export function runAlone(list: usize, calls: i32, times: i32): bool {
  return walk(list, calls, times);
}

/** A worker's main loop: waits for a run and takes part in it. Returns when a thread failed. */
export function workerLoop(): void {
  if (!ASC_FEATURE_THREADS) return;
  while (awaitRun()) {
    beginRun();
    if (!walk(load<usize>(job()), load<i32>(job(), 4), load<i32>(job(), 8)) || !barrier()) return;
  }
}

function walk(list: usize, calls: i32, times: i32): bool {
  const end = list + ENTRY_BYTES * calls;
  for (let t = 0; t < times; t++) {
    for (let entry = list; entry < end; entry += ENTRY_BYTES) {
      const flags = load<u32>(entry, ENTRY_FLAGS);
      if (flags & AFTER_BARRIER && !barrier()) return false;
      if (!(flags & PARTITIONED) && threadNumber() > 0) continue;
      partition((flags & PARTITIONED) != 0);
      setRoundingErrors(<usize>load<u32>(entry, ENTRY_ERRORS));
      call_indirect<void>(load<u32>(entry, ENTRY_KERNEL), <usize>load<u32>(entry, ENTRY_ARGUMENTS));
    }
  }
  return true;
}
