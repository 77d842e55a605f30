import type { Tensor } from '../../../tensor.js';

/** Which of a few buffers holds each activation of a step. */
export interface BufferPlan {
  readonly buffers: ReadonlyMap<Tensor, number>;
  /** Bytes of each buffer. */
  readonly sizes: readonly number[];
}

interface Slot {
  size: number;
  readonly users: { readonly first: number; readonly last: number }[];
}

/**
 * Gives activations buffers that they share if their lives do not overlap: the largest first, each
 * the smallest that is free for its whole life. Unlike places in one arena, no call then reads and
 * writes the same buffer, which WebGPU forbids.
 *
 * @param calls the tensors that each call reads or writes
 *
 * Source: "greedy by size for shared objects" of Pisarchyk and Lee, "Efficient memory management for
 * deep neural net inference", 2020.
 */
export function planBuffers(calls: readonly (readonly Tensor[])[]): BufferPlan {
  const lives = new Map<Tensor, { first: number; last: number }>();
  calls.forEach((tensors, position) => {
    for (const tensor of tensors) {
      if (tensor.storage !== 'activation') continue;
      const life = lives.get(tensor);
      if (life) life.last = position;
      else lives.set(tensor, { first: position, last: position });
    }
  });
  const slots: Slot[] = [];
  const buffers = new Map<Tensor, number>();
  const largestFirst = [...lives].sort(([a], [b]) => b.byteLength - a.byteLength);
  for (const [tensor, life] of largestFirst) {
    const isFree = ({ users }: Slot) =>
      users.every(({ first, last }) => last < life.first || life.last < first);
    // Slots were made for larger tensors, so the last one that is free is the smallest.
    let slot = slots.findLast(isFree);
    if (!slot) {
      slot = { size: tensor.byteLength, users: [] };
      slots.push(slot);
    }
    slot.users.push(life);
    buffers.set(tensor, slots.indexOf(slot));
  }
  return { buffers, sizes: slots.map(({ size }) => size) };
}
