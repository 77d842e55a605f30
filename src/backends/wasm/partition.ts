import type { Tensor } from '../../tensor.js';
import { type KernelCall, touchedBy, writtenBy } from './kernel-call.js';
import { SHARING } from './sharing.js';

/** How the worker pool runs a call: see assembly/step.ts. */
export interface Partition {
  /** Whether all threads share the call; otherwise thread 0 runs it alone. */
  readonly partitioned: boolean;
  /** Whether all threads must have finished the calls before it. */
  readonly afterBarrier: boolean;
}

/**
 * Calls that take one thread at least this long, in nanoseconds, are partitioned. For shorter ones,
 * the barrier and the traffic between the cores' caches cost as much as a second core would save.
 */
const WORTH_PARTITIONING_NANOSECONDS = 2000;

/**
 * Decides for each call whether threads share it, and whether a barrier comes before it.
 *
 * A barrier is needed where a call touches what an earlier call since the last barrier wrote, or
 * writes what that call touched; two calls that both run on thread 0 need none.
 *
 * @param worthPartitioning least estimated time of a call that is partitioned, in nanoseconds on one thread
 * @param addressOf returns a tensor's address; activations may share memory
 */
export function partitionCalls(
  calls: readonly KernelCall[],
  {
    threads,
    worthPartitioning = WORTH_PARTITIONING_NANOSECONDS,
  }: { readonly threads: number; readonly worthPartitioning?: number | undefined },
  addressOf: (tensor: Tensor) => number,
): Partition[] {
  const isPartitioned = (call: KernelCall) => {
    const time = nanoseconds(call);
    return threads > 1 && time > 0 && time >= worthPartitioning;
  };
  const needsPool = calls.some(isPartitioned);
  let sinceBarrier: { call: KernelCall; partitioned: boolean }[] = [];
  return calls.map((call, i) => {
    const partitioned = isPartitioned(call);
    const conflictsWith = (earlier: (typeof sinceBarrier)[number]) =>
      (partitioned || earlier.partitioned) &&
      (usesSharedScratch(call) ||
        usesSharedScratch(earlier.call) ||
        collide(earlier.call, call, addressOf));
    // The first call follows the last one of the previous repetition of the step.
    const afterBarrier = needsPool && (i === 0 || sinceBarrier.some(conflictsWith));
    if (afterBarrier) sinceBarrier = [];
    sinceBarrier.push({ call, partitioned });
    return { partitioned, afterBarrier };
  });
}

/** Estimated time of one thread for a call; 0 for a call that threads cannot share. */
function nanoseconds(call: KernelCall): number {
  const sharing = SHARING[call.kernel];
  return sharing.threads === 'all' ? sharing.nanoseconds(call) : 0;
}

function usesSharedScratch({ kernel }: KernelCall): boolean {
  const sharing = SHARING[kernel];
  return sharing.threads === 'all' && sharing.usesSharedScratch;
}

/**
 * Whether one call writes what the other touches. Kernels may write up to the end of a tensor's last
 * cache line; no other tensor shares that line, so the bytes after a tensor need no check here.
 */
function collide(
  earlier: KernelCall,
  later: KernelCall,
  addressOf: (tensor: Tensor) => number,
): boolean {
  const overlap = (a: Tensor, b: Tensor) =>
    a === b ||
    (addressOf(a) < addressOf(b) + b.byteLength && addressOf(b) < addressOf(a) + a.byteLength);
  return (
    writtenBy(earlier).some((written) => touchedBy(later).some((t) => overlap(written, t))) ||
    writtenBy(later).some((written) => touchedBy(earlier).some((t) => overlap(written, t)))
  );
}
