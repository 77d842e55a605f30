import { type Lifetime, lifetimesOf, overlap } from '../../../memory-plan.js';
import type { Tensor } from '../../../tensor.js';

/** The assignment of a step's activations to shared buffers. */
export interface BufferPlan {
  /** The index of each activation's buffer. */
  readonly buffers: ReadonlyMap<Tensor, number>;
  /** Bytes of each buffer. */
  readonly sizes: readonly number[];
}

interface Slot {
  size: number;
  /** Lifetimes of its tensors. */
  readonly users: Lifetime[];
}

/**
 * Assigns activations to buffers. Activations whose lifetimes do not overlap share a buffer: tensors
 * are placed from the largest to the smallest, each into the smallest buffer that is free during its
 * lifetime. With one arena instead, a call could read and write the same buffer, which WebGPU forbids.
 *
 * @param calls the tensors that each call reads or writes
 *
 * Source: "greedy by size for shared objects" of Pisarchyk and Lee, "Efficient memory management for
 * deep neural net inference", 2020.
 */
export function planBuffers(calls: readonly (readonly Tensor[])[]): BufferPlan {
  const slots: Slot[] = [];
  const buffers = new Map<Tensor, number>();
  const largestFirst = [...lifetimesOf(calls)].sort(([a], [b]) => b.byteLength - a.byteLength);
  for (const [tensor, lifetime] of largestFirst) {
    const isFree = ({ users }: Slot) => users.every((user) => !overlap(user, lifetime));
    // Slots are in order of descending size, so the last free one is the smallest.
    let slot = [...slots].reverse().find(isFree);
    if (!slot) {
      slot = { size: tensor.byteLength, users: [] };
      slots.push(slot);
    }
    slot.users.push(lifetime);
    buffers.set(tensor, slots.indexOf(slot));
  }
  return { buffers, sizes: slots.map(({ size }) => size) };
}
