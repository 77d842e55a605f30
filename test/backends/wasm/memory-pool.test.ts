/* Memories of closed backends are used again. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { poolMemory, reuseMemory } from '../../../src/backends/wasm/memory/memory-pool.js';
import { createWasmRuntime } from '../../../src/backends/wasm/wasm-runtime.js';
import { createBackend } from '../../../src/index.js';
import { persistent } from '../../../src/tensor.js';
import { blobs, createTrainer } from '../../training/fixtures.js';
import { inNode } from '../in-node.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

function memory(pages: number, shared = false) {
  const size = { initial: pages, maximum: 100 };
  return new WebAssembly.Memory(shared ? { ...size, shared } : size);
}

describe('the pool of memories', () => {
  it('gives back the smallest memory of a kind, once, with its static data set to zero', () => {
    const [large, small, shared] = [memory(3), memory(2), memory(1, true)];
    new Uint8Array(small.buffer).fill(7);
    for (const each of [large, small]) poolMemory(each, false, 1000);
    poolMemory(shared, true, 1000);
    expect(reuseMemory(false)).toBe(small);
    expect(new Uint8Array(small.buffer, 0, 1000).every((byte) => byte === 0)).toBe(true);
    expect(new Uint8Array(small.buffer)[1000]).toBe(7);
    expect(reuseMemory(false)).toBe(large);
    expect(reuseMemory(false)).toBeUndefined();
    expect(reuseMemory(true)).toBe(shared);
    expect(reuseMemory(true)).toBeUndefined();
  });
});

describe.each([1, 3])('a backend with %s threads on a used memory', (threads) => {
  it('starts from zeros and computes the same bits', async () => {
    const results = [];
    for (let i = 0; i < 3; i++) {
      const runtime = await createWasmRuntime({ threads, worthPartitioning: 0 });
      const x = persistent('x', [300_000]);
      expect((await runtime.read(x)).every((value) => value === 0)).toBe(true);
      runtime.write(x, new Float32Array(300_000).fill(Number.NaN));
      await runtime.close();
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const trainer = createTrainer(backend);
      await trainer.fit(blobs(), { epochs: 3 });
      results.push(await trainer.encode());
    }
    for (const result of results) expect(Buffer.compare(result, results[0])).toBe(0);
  });

  it('keeps memory flat over 24 cycles of 100 MiB', async () => {
    // Without collections: the program allocates little besides.
    const program = `
      import { readFileSync } from 'node:fs';
      import { createBackend } from './dist/index.js';
      const tensor = {
        name: 'x', shape: [25 * 2 ** 20], size: 25 * 2 ** 20, byteLength: 100 * 2 ** 20,
        storage: 'persistent', dtype: 'float32',
      };
      const resident = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
      const mebibytes = [];
      for (let i = 0; i < 24; i++) {
        const { runtime } = await createBackend('wasm', { threads: ${threads} });
        runtime.write(tensor, [1]);
        await runtime.close();
        mebibytes.push(resident());
      }
      console.log(JSON.stringify(mebibytes));`;
    const mebibytes = JSON.parse((await inNode(program, ROOT)).stdout);
    expect(mebibytes).toHaveLength(24);
    expect(mebibytes.at(-1) - mebibytes[3], mebibytes.join(' ')).toBeLessThan(50);
  });
});
