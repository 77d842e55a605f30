import type { Tensor } from '../../tensor.js';
import {
  AFTER_BARRIER,
  ENTRY_ARGUMENTS,
  ENTRY_BYTES,
  ENTRY_ERRORS,
  ENTRY_FLAGS,
  ENTRY_KERNEL,
  PARTITIONED,
} from './constants.js';
import type { KernelCall, KernelName } from './kernel-call.js';
import type { Partition } from './partition.js';

/** Returns a kernel's index in the function table. */
export type KernelIndex = (kernel: KernelName) => number;

/** Bytes of the linked form of `calls`. */
export function linkedSize(calls: readonly KernelCall[]): number {
  return calls.reduce((sum, call) => sum + ENTRY_BYTES + argumentBytes(call), 0);
}

/**
 * Writes a step in the form that assembly/step.ts walks and assembly/arguments.ts reads:
 *
 *   list        per call   [ u32 kernel | u32 pointer to its arguments | u32 flags | u32 pointer of errors, or 0 ]
 *   arguments   per call   [ u32 pointers of outputs, of inputs | i32 sizes | (to 8 bytes) | f64 attributes ]
 *
 * @param at address, a multiple of 8; `linkedSize` bytes are written
 * @param partitions how threads share each call
 * @param addressOf returns a tensor's address
 */
export function link(
  memory: WebAssembly.Memory,
  at: number,
  calls: readonly KernelCall[],
  partitions: readonly Partition[],
  kernelIndex: KernelIndex,
  addressOf: (tensor: Tensor) => number,
): void {
  const view = new DataView(memory.buffer);
  let entry = at;
  let args = at + ENTRY_BYTES * calls.length;
  for (const [i, call] of calls.entries()) {
    const { partitioned, afterBarrier } = partitions[i];
    view.setUint32(entry + ENTRY_KERNEL, kernelIndex(call.kernel), true);
    view.setUint32(entry + ENTRY_ARGUMENTS, args, true);
    view.setUint32(
      entry + ENTRY_FLAGS,
      (partitioned ? PARTITIONED : 0) | (afterBarrier ? AFTER_BARRIER : 0),
      true,
    );
    view.setUint32(entry + ENTRY_ERRORS, call.errors ? addressOf(call.errors) : 0, true);
    wordsOf(call, addressOf).forEach((word, i) => {
      view.setUint32(args + 4 * i, word, true);
    });
    const attributes = Object.values(call.attributes);
    const first = args + argumentBytes(call) - 8 * attributes.length;
    attributes.forEach((value, i) => {
      view.setFloat64(first + 8 * i, value, true);
    });
    entry += ENTRY_BYTES;
    args += argumentBytes(call);
  }
}

function wordsOf(
  { outputs, inputs, sizes }: KernelCall,
  addressOf: (tensor: Tensor) => number,
): number[] {
  return [...[...outputs, ...inputs].map(addressOf), ...Object.values(sizes)];
}

function argumentBytes({ outputs, inputs, sizes, attributes }: KernelCall): number {
  const words = outputs.length + inputs.length + Object.keys(sizes).length;
  return 8 * (Math.ceil(words / 2) + Object.keys(attributes).length);
}
