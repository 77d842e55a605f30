import { describe, expect, it } from 'vitest';
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

  it('picks the build with relaxed SIMD', async () => {
    await using backend = await createBackend('auto');
    expect(backend.info).toMatchObject({ backend: 'wasm', build: 'relaxed' });
  });
});
