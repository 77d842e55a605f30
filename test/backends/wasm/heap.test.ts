import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from '../../../src/backends/wasm/memory/heap.js';
import { BackendError } from '../../../src/errors.js';
import { ALIGNMENT, roundUp } from '../../../src/memory-plan.js';

const PAGE = 65_536;
const START = 1000;

function createHeap(pages = 1, maximum = 1000) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum });
  const heap = new Heap(memory, START);
  const bytes = (offset: number, size: number) => new Uint8Array(memory.buffer, offset, size);
  return { memory, heap, bytes };
}

interface Block {
  readonly offset: number;
  readonly size: number;
  /** Written to every byte, to detect other writes. */
  readonly mark: number;
}

/** Allocates `bytes` bytes, or releases one of the allocated blocks. */
type Request = { readonly bytes: number } | { readonly release: number };

const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(3 * PAGE)) }),
  fc.record({ release: fc.nat() }),
);

describe('Heap', () => {
  it('allocates zeroed, aligned blocks that do not overlap', () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 40 }), (requests) => {
        const { heap, bytes, memory } = createHeap();
        const held: Block[] = [];
        for (const [i, request] of requests.entries()) {
          if ('release' in request) {
            const [block] = held.splice(request.release % Math.max(held.length, 1), 1);
            if (block) heap.release(block.offset);
            continue;
          }
          const block = { offset: heap.allocate(request.bytes), size: request.bytes, mark: i + 1 };
          expect(block.offset % ALIGNMENT, `offset of block ${i}`).toBe(0);
          expect(block.offset).toBeGreaterThanOrEqual(START);
          expect(block.offset + block.size).toBeLessThanOrEqual(memory.buffer.byteLength);
          expectFilled(bytes(block.offset, block.size), 0, block);
          bytes(block.offset, block.size).fill(block.mark);
          held.push(block);
        }
        for (const block of held) expectFilled(bytes(block.offset, block.size), block.mark, block);
        const used = held.reduce((sum, { size }) => sum + roundUp(Math.max(size, 1), ALIGNMENT), 0);
        expect(heap.used).toBe(used);
      }),
    );
  });

  it('merges blocks released in any order into one block', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: PAGE }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), (requested, choices) => {
        const { heap, memory } = createHeap();
        const offsets = requested.map((size) => heap.allocate(size));
        const held = [...offsets];
        while (held.length > 0) {
          const [offset] = held.splice(choices.next().value % held.length, 1);
          heap.release(offset);
        }
        expect(heap.used).toBe(0);
        const before = memory.buffer.byteLength;
        const all = before - offsets[0];
        expect(heap.allocate(all)).toBe(offsets[0]);
        expect(memory.buffer.byteLength).toBe(before);
      }),
    );
  });

  it('reuses a released block before it grows', () => {
    const { heap, memory } = createHeap();
    const first = heap.allocate(30_000);
    heap.allocate(30_000);
    heap.release(first);
    expect(heap.allocate(20_000)).toBe(first);
    expect(heap.allocate(9_000)).toBe(first + roundUp(20_000, ALIGNMENT));
    expect(memory.buffer.byteLength).toBe(PAGE);
  });

  it('grows only by what is missing at the free end of the memory', () => {
    const { heap, memory } = createHeap();
    const offset = heap.allocate(3 * PAGE - 2 * START);
    expect(offset).toBe(roundUp(START, ALIGNMENT));
    expect(memory.buffer.byteLength).toBe(3 * PAGE);
  });

  it('ignores the release of unknown and of released offsets', () => {
    const { heap } = createHeap();
    const offset = heap.allocate(100);
    heap.release(offset + 1);
    heap.release(0);
    expect(heap.used).toBe(128);
    heap.release(offset);
    heap.release(offset);
    expect(heap.used).toBe(0);
    expect([heap.allocate(100), heap.allocate(100)]).toEqual([offset, offset + 128]);
  });

  it('reports how much it could not allocate, and continues to work', () => {
    const { heap, memory, bytes } = createHeap(1, 4);
    const kept = heap.allocate(100);
    bytes(kept, 100).fill(7);
    expect(() => heap.allocate(32 * PAGE)).toThrow(
      new BackendError(
        'wasm: expected 2.0 MiB for a compiled step beside 0.0 MiB in use, got a refusal from the engine, whose limit is 4096.0 MiB; use a smaller model',
      ),
    );
    expect(heap.used).toBe(128);
    expect(memory.buffer.byteLength).toBe(PAGE);
    heap.release(heap.allocate(2 * PAGE));
    expectFilled(bytes(kept, 100), 7, { offset: kept, size: 100, mark: 7 });
    expect(() => heap.allocate(2 ** 40)).toThrow(BackendError);
    expect(() => heap.allocate(2 ** 60)).toThrow(BackendError);
  });
});

function expectFilled(bytes: Uint8Array, value: number, { offset, size, mark }: Block): void {
  const at = bytes.findIndex((byte) => byte !== value);
  if (at < 0) return;
  expect.fail(
    `byte ${at} of block ${mark} (${size} bytes at ${offset}) is ${bytes[at]}, expected ${value}`,
  );
}
