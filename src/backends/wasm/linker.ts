import type { Tensor } from '../../tensor.js';
import type { Division } from './divide.js';
import { type KernelCall, type KernelName, touchedBy } from './kernel-call.js';

/**
 * Bytes behind every tensor that kernels may read and write: they work on whole vectors, and the
 * last one may reach past the tensor's end.
 */
export const PADDING = 64;

/** Bytes of one entry of the list that the walker runs. */
const ENTRY = 16;
const DIVIDED = 1;
const AFTER_BARRIER = 2;

/** The kernel's index in the function table. */
export type KernelIndex = (kernel: KernelName) => number;

/** Bytes that the linked form of `calls` takes. */
export function linkedSize(calls: readonly KernelCall[]): number {
  return calls.reduce((sum, call) => sum + ENTRY + argumentBytes(call), 0);
}

/**
 * Writes a step in the form that assembly/step.ts walks and assembly/arguments.ts reads:
 *
 *   list        per call   [ u32 kernel | u32 pointer to its arguments | u32 flags | 0 ]
 *   arguments   per call   [ u32 pointers of outputs, of inputs | i32 sizes | (to 8 bytes) | f64 attributes ]
 *
 * @param at where in the memory it goes, a multiple of 8; `linkedSize` bytes are written
 * @param divisions how threads share each call
 * @param addressOf where each tensor lies
 */
export function link(
  memory: WebAssembly.Memory,
  at: number,
  calls: readonly KernelCall[],
  divisions: readonly Division[],
  kernelIndex: KernelIndex,
  addressOf: (tensor: Tensor) => number,
): void {
  const view = new DataView(memory.buffer);
  let entry = at;
  let args = at + ENTRY * calls.length;
  for (const [i, call] of calls.entries()) {
    const { divided, afterBarrier } = divisions[i];
    view.setUint32(entry, kernelIndex(call.kernel), true);
    view.setUint32(entry + 4, args, true);
    view.setUint32(entry + 8, (divided ? DIVIDED : 0) | (afterBarrier ? AFTER_BARRIER : 0), true);
    wordsOf(call, addressOf).forEach((word, i) => {
      view.setUint32(args + 4 * i, word, true);
    });
    const attributes = Object.values(call.attributes);
    const first = args + argumentBytes(call) - 8 * attributes.length;
    attributes.forEach((value, i) => {
      view.setFloat64(first + 8 * i, value, true);
    });
    entry += ENTRY;
    args += argumentBytes(call);
  }
}

function wordsOf(call: KernelCall, addressOf: (tensor: Tensor) => number): number[] {
  return [...touchedBy(call).map(addressOf), ...Object.values(call.sizes)];
}

function argumentBytes(call: KernelCall): number {
  const words = touchedBy(call).length + Object.keys(call.sizes).length;
  return 8 * (Math.ceil(words / 2) + Object.keys(call.attributes).length);
}
