import type { Tensor } from './tensor.js';

/** Where each activation of a step lies within one arena. */
export interface MemoryPlan {
  /** Bytes from the start of the arena, a multiple of `ALIGNMENT`. */
  readonly offsets: ReadonlyMap<Tensor, number>;
  /** Bytes of the arena. */
  readonly size: number;
}

/** Bytes of a cache line: no two activations share one. */
export const ALIGNMENT = 64;

/** The first and the last call that read or write a tensor, by position. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

/**
 * The lifetime of each activation, in the order of first use.
 *
 * @param calls the tensors that each call reads or writes
 */
export function lifetimesOf(calls: readonly (readonly Tensor[])[]): Map<Tensor, Lifetime> {
  const lifetimes = new Map<Tensor, { first: number; last: number }>();
  calls.forEach((tensors, position) => {
    for (const tensor of tensors) {
      if (tensor.storage !== 'activation') continue;
      const known = lifetimes.get(tensor);
      if (known) known.last = position;
      else lifetimes.set(tensor, { first: position, last: position });
    }
  });
  return lifetimes;
}

/** Whether some call falls into both lifetimes. */
export function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

interface Interval extends Lifetime {
  readonly tensor: Tensor;
  readonly bytes: number;
}

/**
 * Places activations so that two share memory only if their lifetimes do not overlap: the largest
 * first, each at the lowest offset that is free for its whole lifetime.
 *
 * @param calls the tensors that each call reads or writes
 * @param padding bytes after each activation, which kernels may read and overwrite
 *
 * Source: "greedy by size" of Pisarchyk and Lee, "Efficient memory management for deep neural net
 * inference", 2020, which found it within a few percent of the lower bound.
 */
export function planMemory(calls: readonly (readonly Tensor[])[], padding: number): MemoryPlan {
  const intervals = Array.from(lifetimesOf(calls), ([tensor, lifetime]): Interval => {
    return { tensor, ...lifetime, bytes: roundUp(tensor.byteLength + padding, ALIGNMENT) };
  });
  const placed: { interval: Interval; offset: number }[] = [];
  let size = 0;
  for (const interval of intervals.sort((a, b) => b.bytes - a.bytes)) {
    const concurrent = placed
      .filter((p) => overlap(p.interval, interval))
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of concurrent) {
      if (offset + interval.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.interval.bytes);
    }
    placed.push({ interval, offset });
    size = Math.max(size, offset + interval.bytes);
  }
  return { offsets: new Map(placed.map((p) => [p.interval.tensor, p.offset])), size };
}

/** The smallest multiple of `multiple` that is at least `value`. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
