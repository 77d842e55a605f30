// The worker pool: one instance of this module per thread, all over one shared memory, all walking
// the same step. Thread 0 is the caller's; the workers wait in `workerLoop` for it to start a run.
//
// Each kernel computes its share of a partitioned call, share number `part` of `parts`. One thread
// computes each element of a result, in an order that does not depend on the number of threads, so
// the bits do not depend on it either.
//
// Control block. Each word has a cache line of its own, so that spinning on one disturbs no other:
//
//   0 arrivals | 64 generation | 128 sleepers | 192 failed | 256 job: list, calls, times

import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { BLOCK_SUMS_BYTES } from './block-sum';

const GENERATION: usize = 64;
const SLEEPERS: usize = 128;
const FAILED: usize = 192;
const JOB: usize = 256;
/** Bytes of the control block. */
const CONTROL_BYTES: i32 = 320;

/**
 * Whether all workers are alive, for thread 0, which cannot receive their events while it waits. The
 * other threads need no answer: thread 0 marks the pool as failed.
 */
// @ts-ignore: decorator
@external('env', 'poolIsAlive')
declare function poolIsAlive(): bool;

/**
 * How long a thread waits at a barrier before it assumes that another thread has died, in ns, where
 * `poolIsAlive` cannot tell.
 */
const BARRIER_TIMEOUT_NS: i64 = 20_000_000_000;

let control: usize = 0;
let thread: i32 = 0;
let threads: i32 = 1;
let maySleep: bool = true;
/** How often a waiting thread checks the generation before it sleeps: in a new run, and after backoff. */
let maxSpins: i32 = 0;
let spins: i32 = 0;
/** Backoff halves the spins down to this many. */
const MIN_SPINS: i32 = 500;
/** This thread's share of the current call, and the number of shares. */
let part: i32 = 0;
let parts: i32 = 1;

/** Scratch memory: a block for each thread, with its block sums at the end; then one that all threads share. */
let scratch: usize = 0;
const OWN_BYTES: usize = SCRATCH_BYTES + BLOCK_SUMS_BYTES;

/** Bytes of control block and scratch memory for a pool of `count` threads. */
export function workerPoolBytes(count: i32): i32 {
  return CONTROL_BYTES + <i32>OWN_BYTES * count + SCRATCH_BYTES;
}

/**
 * Makes this instance thread `number` of a pool of `count` threads, before anything else runs.
 *
 * @param controlBlock address of the control block, which the scratch memory follows
 * @param sleeps whether the engine lets this thread block; a page's main thread may not
 * @param spinsBeforeSleep how often it checks the generation at a barrier before it sleeps
 */
export function joinWorkerPool(
  controlBlock: usize,
  number: i32,
  count: i32,
  sleeps: bool,
  spinsBeforeSleep: i32,
): void {
  control = controlBlock;
  scratch = controlBlock + CONTROL_BYTES;
  thread = number;
  threads = count;
  maySleep = sleeps;
  maxSpins = spinsBeforeSleep;
  spins = spinsBeforeSleep;
}

/** Number of this thread. */
// @ts-ignore: decorator
@inline export function threadNumber(): i32 {
  return thread;
}

/** Scratch memory of this thread, valid during one call. */
// @ts-ignore: decorator
@inline export function ownScratch(): usize {
  return scratch + OWN_BYTES * thread;
}

/** This thread's memory for sums of blocks, valid during one call. */
// @ts-ignore: decorator
@inline export function blockSums(): usize {
  return ownScratch() + SCRATCH_BYTES;
}

/** Scratch memory that all threads share, valid during one call. */
// @ts-ignore: decorator
@inline export function sharedScratch(): usize {
  return scratch + OWN_BYTES * threads;
}

/** Whether this is the thread that does the serial part of a partitioned call. */
// @ts-ignore: decorator
@inline export function isFirst(): bool {
  return part == 0;
}

/** Whether threads share the current call, so that they need barriers to exchange results. */
// @ts-ignore: decorator
@inline export function isPartitioned(): bool {
  return ASC_FEATURE_THREADS && parts > 1;
}

/** Partitions the next call among all threads, or leaves the whole call to thread 0. */
// @ts-ignore: decorator
@inline export function partition(shared: bool): void {
  parts = shared ? threads : 1;
  part = shared ? thread : 0;
}

/** First of this thread's units, of `total`. */
// @ts-ignore: decorator
@inline export function shareBegin(total: i32): i32 {
  if (!ASC_FEATURE_THREADS) return 0;
  return <i32>((<i64>total * part) / parts);
}

/** End of this thread's units, of `total`. */
// @ts-ignore: decorator
@inline export function shareEnd(total: i32): i32 {
  if (!ASC_FEATURE_THREADS) return total;
  return <i32>((<i64>total * (part + 1)) / parts);
}

/** First of this thread's columns, of `count`: threads share them by whole vectors of four. */
// @ts-ignore: decorator
@inline export function columnsBegin(count: i32): i32 {
  return 4 * shareBegin((count + 3) / 4);
}

/** End of this thread's columns, of `count`. */
// @ts-ignore: decorator
@inline export function columnsEnd(count: i32): i32 {
  return min(count, 4 * shareEnd((count + 3) / 4));
}

/** Bytes of a cache line. Shares of a vector begin on one, so that no two threads write to the same line. */
const LINE: i32 = 64;

/*
 * Element-wise kernels work on whole vectors of 16 bytes. The last vector may extend beyond the
 * tensor's end, but not beyond its last cache line: PADDING in src/backends/wasm/constants.ts.
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

/** Waits until every thread has arrived. False when a thread failed or did not arrive in time. */
export function barrier(): bool {
  return arrive(BARRIER_TIMEOUT_NS);
}

/** Waits, without a timeout, for thread 0 to start a run. False when a thread failed. */
export function awaitRun(): bool {
  return arrive(i64.MAX_VALUE);
}

/** A central barrier: the last thread to arrive increments the generation, and the others wait for that. */
function arrive(timeout: i64): bool {
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

/** Spins for a while, then sleeps (if the engine allows it), until the generation is over. */
function waitWhile(generation: i32, timeout: i64): void {
  if (!ASC_FEATURE_THREADS) return;
  for (let i = 0; i < spins; i++) {
    if (atomic.load<i32>(control, GENERATION) != generation) return;
  }
  // Backoff: on a busy machine, the awaited thread may need this very core, so spin less for the rest
  // of the run. Waiting for a run (no timeout) says nothing about that.
  if (timeout == BARRIER_TIMEOUT_NS) spins = max(spins >> 1, MIN_SPINS);
  atomic.add<i32>(control, 1, SLEEPERS);
  let waited: i64 = 0;
  let nextCheck: i64 = thread == 0 ? SLEEP_NS : i64.MAX_VALUE;
  while (atomic.load<i32>(control, GENERATION) == generation) {
    if (atomic.load<i32>(control, FAILED) != 0) break;
    if (waited >= timeout || (waited >= nextCheck && !poolIsAlive())) {
      // A thread that arrives later must not wait for this one.
      fail();
      break;
    }
    if (waited >= nextCheck) nextCheck += SLEEP_NS;
    waited += maySleep ? sleep(generation) : SPIN_NS;
  }
  atomic.sub<i32>(control, 1, SLEEPERS);
}

/** Sleeps once; returns how long, in ns, or 0 if another thread woke this one. */
function sleep(generation: i32): i64 {
  if (!ASC_FEATURE_THREADS) return SLEEP_NS;
  const result = atomic.wait<i32>(control + GENERATION, generation, SLEEP_NS);
  return result == AtomicWaitResult.TIMED_OUT ? SLEEP_NS : 0;
}

/** How long a thread sleeps before it checks whether another has failed, in ns. */
const SLEEP_NS: i64 = 100_000_000;
/** Least time of one check, for a thread that may not sleep, in ns. */
const SPIN_NS: i64 = 2;

/** Resets the backoff: the machine may be less busy than in the last run. */
export function beginRun(): void {
  spins = maxSpins;
}

/** Marks the pool as failed or closed, so that no thread waits for another, and wakes those that sleep. */
export function fail(): void {
  if (!ASC_FEATURE_THREADS) return;
  atomic.store<i32>(control, 1, FAILED);
  atomic.notify(control + GENERATION, -1);
}

/** Address at which thread 0 describes the run: list, calls, times. */
export function job(): usize {
  return control + JOB;
}
