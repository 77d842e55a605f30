// The team: one instance of this module per thread, all over one shared memory, all walking the same
// step. Thread 0 is the caller's; the others wait in `work` for it to start a run.
//
// Each kernel takes its share of a call by `part` and `parts`. Every element of every result is
// computed by one thread in an order that does not depend on their number, so neither do the bits.
//
// Control block, each word on a cache line of its own, so that spinning disturbs nobody:
//
//   0 arrivals | 64 generation | 128 sleepers | 192 failed | 256 job: list, calls, times

import { SCRATCH_BYTES } from '../src/backends/wasm/constants';

const GENERATION: usize = 64;
const SLEEPERS: usize = 128;
const FAILED: usize = 192;
const JOB: usize = 256;
/** Bytes of the control block. */
export const CONTROL_BYTES: i32 = 320;

/** How long a sleeping thread waits for the others before it gives them up for dead, in ns. */
const BARRIER_TIMEOUT_NS: i64 = 20_000_000_000;

let control: usize = 0;
let thread: i32 = 0;
let threads: i32 = 1;
let maySleep: bool = true;
/** How often a waiting thread looks before it sleeps: at most, and now. */
let maxSpins: i32 = 0;
let spins: i32 = 0;
/** Fewest looks, when waiting awake has not paid. */
const MIN_SPINS: i32 = 500;
/** Which share of the current call this thread has, and into how many the call is cut. */
let part: i32 = 0;
let parts: i32 = 1;

let scratch: usize = 0;

/**
 * Makes this instance number `number` of a team of `count`, before anything else runs.
 *
 * @param controlBlock where the control block lies, followed by the scratch memory of every thread
 *   and that of all together
 * @param sleeps whether the engine lets this thread sleep
 * @param most how often it looks before it does
 */
export function joinWorkerPool(
  controlBlock: usize,
  number: i32,
  count: i32,
  sleeps: bool,
  most: i32,
): void {
  control = controlBlock;
  scratch = controlBlock + CONTROL_BYTES;
  thread = number;
  threads = count;
  maySleep = sleeps;
  maxSpins = most;
  spins = most;
}

/** Number of this thread. */
// @ts-ignore: decorator
@inline export function threadNumber(): i32 {
  return thread;
}

/** Scratch memory of this thread, for the time of one call. */
// @ts-ignore: decorator
@inline export function ownScratch(): usize {
  return scratch + <usize>SCRATCH_BYTES * thread;
}

/** Scratch memory of all threads together, for the time of one call. */
// @ts-ignore: decorator
@inline export function sharedScratch(): usize {
  return scratch + <usize>SCRATCH_BYTES * threads;
}

/** Whether this thread does the part of a divided call that only one may do. */
// @ts-ignore: decorator
@inline export function isFirst(): bool {
  return part == 0;
}

/** Whether the current call is divided, so that its parts must wait for each other. */
// @ts-ignore: decorator
@inline export function isPartitioned(): bool {
  return ASC_FEATURE_THREADS && parts > 1;
}

/** Cuts the next call among all threads, or leaves it whole to thread 0. */
// @ts-ignore: decorator
@inline export function partition(shared: bool): void {
  parts = shared ? threads : 1;
  part = shared ? thread : 0;
}

/** First of this thread's units of `total`. */
// @ts-ignore: decorator
@inline export function shareBegin(total: i32): i32 {
  if (!ASC_FEATURE_THREADS) return 0;
  return <i32>((<i64>total * part) / parts);
}

/** End of this thread's units of `total`. */
// @ts-ignore: decorator
@inline export function shareEnd(total: i32): i32 {
  if (!ASC_FEATURE_THREADS) return total;
  return <i32>((<i64>total * (part + 1)) / parts);
}

/** Bytes of a cache line: shares of a vector begin on one, so that no two threads write to the same. */
const LINE: i32 = 64;

/*
 * Element-wise kernels work on whole vectors of 16 bytes, so the last one may reach past the end of a
 * tensor, though not past the tensor's last cache line: see src/backends/wasm/linker.ts.
 */

/** First byte of this thread's share of a vector of `count` numbers of 4 bytes. */
// @ts-ignore: decorator
@inline export function bytesBegin(count: i32): i32 {
  if (!ASC_FEATURE_THREADS) return 0;
  return LINE * shareBegin((4 * count + LINE - 1) / LINE);
}

/** End of this thread's share of a vector of `count` numbers of 4 bytes. */
// @ts-ignore: decorator
@inline export function bytesEnd(count: i32): i32 {
  if (!ASC_FEATURE_THREADS) return 4 * count;
  return min(4 * count, LINE * shareEnd((4 * count + LINE - 1) / LINE));
}

/** Waits until every thread is here. False when one of them failed or never came. */
export function barrier(): bool {
  return meet(BARRIER_TIMEOUT_NS);
}

/** Waits for thread 0 to start a run, however long that takes. False when the team broke up. */
export function awaitRun(): bool {
  return meet(i64.MAX_VALUE);
}

/** Sense by generation: the last to arrive opens the next one, which all others wait to see. */
function meet(timeout: i64): bool {
  if (!ASC_FEATURE_THREADS) return true;
  if (threads == 1) return true;
  const generation = atomic.load<i32>(control, GENERATION);
  if (atomic.add<i32>(control, 1) == threads - 1) {
    atomic.store<i32>(control, 0);
    atomic.store<i32>(control, generation + 1, GENERATION);
    if (atomic.load<i32>(control, SLEEPERS) > 0) atomic.notify(control + GENERATION, -1);
  } else {
    waitWhile(generation, timeout);
  }
  return atomic.load<i32>(control, FAILED) == 0;
}

/** Looks for a while, then sleeps, where the engine lets this thread, until the generation is over. */
function waitWhile(generation: i32, timeout: i64): void {
  if (!ASC_FEATURE_THREADS) return;
  for (let i = 0; i < spins; i++) {
    if (atomic.load<i32>(control, GENERATION) != generation) return;
  }
  // Whoever is waited for may need this very core: on a busy machine, look less for the rest of the
  // run. A worker without work says nothing about that.
  if (timeout == BARRIER_TIMEOUT_NS) spins = max(spins >> 1, MIN_SPINS);
  atomic.add<i32>(control, 1, SLEEPERS);
  let waited: i64 = 0;
  while (atomic.load<i32>(control, GENERATION) == generation) {
    if (atomic.load<i32>(control, FAILED) != 0) break;
    if (waited >= timeout) {
      // Whoever comes yet must not wait for this thread.
      atomic.store<i32>(control, 1, FAILED);
      break;
    }
    waited += maySleep ? sleep(generation) : SPIN_NS;
  }
  atomic.sub<i32>(control, 1, SLEEPERS);
}

/** One nap; returns how long it lasted if nobody woke the thread, in ns. */
function sleep(generation: i32): i64 {
  if (!ASC_FEATURE_THREADS) return SLEEP_NS;
  const result = atomic.wait<i32>(control + GENERATION, generation, SLEEP_NS);
  return result == AtomicWaitResult.TIMED_OUT ? SLEEP_NS : 0;
}

/** How long a thread sleeps before it looks whether another has failed, in ns. */
const SLEEP_NS: i64 = 200_000_000;
/** What a look costs at least, where a thread may not sleep, in ns. */
const SPIN_NS: i64 = 2;

/** Forgets how waiting went in the last run: the machine may be less busy now. */
export function beginRun(): void {
  spins = maxSpins;
}

/** Says that this thread cannot go on, so that nobody waits for it. */
export function fail(): void {
  if (!ASC_FEATURE_THREADS) return;
  atomic.store<i32>(control, 1, FAILED);
}

/** Where thread 0 leaves what is to be run: list, calls, times. */
export function job(): usize {
  return control + JOB;
}
