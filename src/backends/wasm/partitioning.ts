import type { Tensor } from '../../tensor.js';
import type { KernelCall } from './kernel-call.js';
import type { Partition } from './partition.js';

/** Decides how threads share the calls of a step. */
export type Partitioning = (
  calls: readonly KernelCall[],
  addressOf: (tensor: Tensor) => number,
) => readonly Partition[];

/** The decision for a number of threads. */
export async function partitioningOf(
  threads: number,
  worthPartitioning: number | undefined,
): Promise<Partitioning> {
  // Programs on one thread do not load the costs of the kernels.
  if (threads === 1) return (calls) => calls.map(() => ALONE);
  const { partitionCalls } = await import('./partition.js');
  return (calls, addressOf) => partitionCalls(calls, { threads, worthPartitioning }, addressOf);
}

/** A call of a program on one thread. */
const ALONE: Partition = { partitioned: false, afterBarrier: false };
