import { describe, expect, it, vi } from 'vitest';
import { createBackend } from '../../src/index.js';

/** Whether the page was served with the headers that allow shared memory. */
const isolated = globalThis.crossOriginIsolated;

describe(`a page that is ${isolated ? '' : 'not '}cross-origin isolated`, () => {
  it(`runs on ${isolated ? 'two threads' : 'one thread, with the reason in a note'}`, async () => {
    await using backend = await createBackend('wasm', { threads: 2, worthPartitioning: 0 });
    expect(backend.info.threads).toBe(isolated ? 2 : 1);
    const reason = 'Cross-Origin-Opener-Policy: same-origin';
    expect(backend.info.notes.join().includes(reason)).toBe(!isolated);
    const ones = new Float32Array(64 * 64).fill(1);
    const product = await backend.matmul(ones, ones, { m: 64, n: 64, k: 64 });
    expect(product).toEqual(new Float32Array(64 * 64).fill(64));
  });

  it('uses the memory of a closed backend again', async () => {
    const create = vi.spyOn(WebAssembly, 'Memory');
    try {
      for (let i = 0; i < 4; i++) {
        await using backend = await createBackend('wasm', { threads: 2 });
        expect(await backend.relu([-1, i])).toEqual(new Float32Array([0, i]));
      }
      // One at most: the memory of an earlier test may serve as well.
      expect(create.mock.calls.length).toBeLessThanOrEqual(1);
    } finally {
      create.mockRestore();
    }
  });

  it('picks the build with relaxed SIMD', async () => {
    await using backend = await createBackend('auto');
    expect(backend.info).toMatchObject({ backend: 'wasm', build: 'relaxed' });
  });
});
