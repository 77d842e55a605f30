import { BackendError } from '../../../errors.js';
import { ALIGNMENT, roundUp } from '../../../memory-plan.js';
import { formatShape, type Tensor } from '../../../tensor.js';

const PAGE = 65_536;

/** What 32-bit addresses reach. */
const MOST_BYTES = 2 ** 32;

/** What a block is for, and what needs less of it. */
interface Purpose {
  readonly what: string;
  readonly hint: string;
}

const STEP: Purpose = { what: 'a compiled step', hint: 'a smaller model' };
export const ACTIVATIONS: Purpose = {
  what: 'the activations of a batch',
  hint: 'a smaller batch or model',
};

export function purposeOf({ name, shape }: Tensor): Purpose {
  const what = `${name} of shape ${formatShape(shape)}`;
  return { what, hint: 'a smaller model or dataset' };
}

interface Block {
  offset: number;
  size: number;
}

/**
 * Allocates blocks of a WebAssembly memory: first fit over a list of free blocks; released blocks are
 * merged with free neighbours. Compiling a step allocates a few blocks and running it none, so a simple
 * allocator is fast enough.
 */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  /** Free blocks in ascending order; no two are adjacent. */
  readonly #free: Block[] = [];
  readonly #sizes = new Map<number, number>();

  /** @param start first byte after the module's static data */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.#memory = memory;
    const offset = roundUp(start, ALIGNMENT);
    this.#insert({ offset, size: memory.buffer.byteLength - offset });
  }

  /**
   * Allocates a zeroed block of at least `bytes` bytes, aligned to a cache line.
   *
   * @param purpose for messages
   * @throws BackendError when the memory cannot grow that far
   */
  allocate(bytes: number, purpose = STEP): number {
    const size = roundUp(Math.max(bytes, 1), ALIGNMENT);
    const block = this.#free.find((b) => b.size >= size) ?? this.#grow(size, purpose);
    const { offset } = block;
    block.offset += size;
    block.size -= size;
    if (block.size === 0) this.#free.splice(this.#free.indexOf(block), 1);
    this.#sizes.set(offset, size);
    new Uint8Array(this.#memory.buffer, offset, size).fill(0);
    return offset;
  }

  /** Frees a block; ignores offsets that are not allocated. */
  release(offset: number): void {
    const size = this.#sizes.get(offset);
    if (size === undefined) return;
    this.#sizes.delete(offset);
    this.#insert({ offset, size });
  }

  /** Allocated bytes. */
  get used(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** Grows the memory until a block of `size` is free, and returns that block. */
  #grow(size: number, { what, hint }: Purpose): Block {
    const end = this.#memory.buffer.byteLength;
    const last = this.#free[this.#free.length - 1] as Block | undefined;
    const tail = last && last.offset + last.size === end ? last.size : 0;
    const pages = Math.ceil((size - tail) / PAGE);
    try {
      this.#memory.grow(pages);
    } catch {
      const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      throw new BackendError(
        `wasm: expected ${mib(size)} for ${what} beside ${mib(this.used)} in use, got a refusal from the engine, whose limit is ${mib(MOST_BYTES)}; use ${hint}`,
      );
    }
    return this.#insert({ offset: end, size: pages * PAGE });
  }

  /** Adds a free block, merged with adjacent ones. */
  #insert(block: Block): Block {
    let at = this.#free.findIndex((b) => b.offset > block.offset);
    if (at < 0) at = this.#free.length;
    const next = this.#free[at];
    if (next && block.offset + block.size === next.offset) {
      block.size += next.size;
      this.#free.splice(at, 1);
    }
    const previous = this.#free[at - 1];
    if (previous && previous.offset + previous.size === block.offset) {
      previous.size += block.size;
      return previous;
    }
    this.#free.splice(at, 0, block);
    return block;
  }
}
