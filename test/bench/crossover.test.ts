import { afterAll, describe, expect, it } from 'vitest';
import { type Crossover, crossMatmul, crossTrain } from '../../src/bench/crossover.js';
import { syntheticDigits } from '../../src/data/synthetic/synthetic-digits.js';
import { Backend } from '../../src/numerics/backend.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { RECIPES } from '../../src/recipes.js';
import type { Tensor } from '../../src/tensor.js';

const wasm = await createBackend('wasm');
afterAll(() => wasm.close());

/** The same backend, slowed by a wait in each run. */
function slowed(milliseconds: number) {
  const { runtime } = wasm;
  const slow = Object.create(runtime, {
    compile: {
      value: async (step: Parameters<typeof runtime.compile>[0]) => {
        const executable = await runtime.compile(step);
        const run = async (times: number) => {
          await new Promise((resolve) => setTimeout(resolve, times * milliseconds));
          await executable.run(times);
        };
        return { run, close: () => executable.close() };
      },
    },
    info: { value: { ...runtime.info, build: 'slow' } },
    finish: { value: async () => {} },
    read: { value: runtime.read.bind(runtime) },
    write: { value: runtime.write.bind(runtime) },
    release: { value: runtime.release.bind(runtime) },
  });
  const backend = new Backend(slow);
  return { backend, open: async () => backend };
}

const fast = { backend: wasm, open: () => createBackend('wasm') };
const limits = { repeat: 2, limitSeconds: 60 };

describe('a crossover', () => {
  it('is the smallest size from which a backend is faster at every size', async () => {
    const { points, wins } = await crossMatmul([slowed(2), fast], [8, 4], limits);
    expect(points.map(({ size }) => size)).toEqual([4, 8]);
    for (const { ms } of points) expect(ms[0]).toBeGreaterThan(Number(ms[1]));
    expect(wins).toEqual([{ candidate: expect.stringMatching(/^wasm/), from: 4, upTo: 8 }]);
  });

  it('is null if a backend is never faster', async () => {
    const { wins } = await crossMatmul([fast, slowed(2)], [4, 8], limits);
    expect(wins).toEqual([{ candidate: 'wasm slow, 1', from: null, upTo: 8 }]);
  });

  it('stops when one of two backends would take too long', async () => {
    // Three runs (warm-up and two samples) of 8 × 5 ms exceed 0.1 s.
    const short = { repeat: 2, limitSeconds: 0.1 };
    const { points } = await crossMatmul([fast, slowed(5)], [8, 16, 32], short);
    expect(points.map(({ size }) => size)).toEqual([8]);
  });

  it('continues without a backend that would take too long while two others remain', async () => {
    const short = { repeat: 2, limitSeconds: 0.1 };
    const { points } = await crossMatmul([fast, slowed(5), fast], [8, 16], short);
    expect(points[1].ms).toEqual([expect.any(Number), null, expect.any(Number)]);
  });

  it('of training tries batch sizes up to the size of the dataset', async () => {
    const digits = syntheticDigits({ trainSize: 100, testSize: 1 });
    const found: Crossover = await crossTrain(
      [fast, fast],
      RECIPES.softmax,
      digits,
      [16, 64, 128],
      limits,
    );
    expect(found).toMatchObject({ op: 'train', recipe: 'softmax', size: 'batch' });
    expect(found.points.map(({ size }) => size)).toEqual([16, 64]);
  });

  it('of training fails if the first losses differ', async () => {
    const digits = syntheticDigits({ trainSize: 100, testSize: 1 });
    const wrong = Object.create(wasm.runtime, {
      compile: { value: wasm.runtime.compile.bind(wasm.runtime) },
      write: { value: wasm.runtime.write.bind(wasm.runtime) },
      read: {
        value: async (tensor: Tensor) => (await wasm.runtime.read(tensor)).map((x) => 2 * x),
      },
      release: { value: wasm.runtime.release.bind(wasm.runtime) },
      close: { value: async () => {} },
    });
    const backend = new Backend(wrong);
    const candidates = [fast, { backend, open: async () => backend }];
    await expect(crossTrain(candidates, RECIPES.softmax, digits, [16], limits)).rejects.toThrow(
      /^bench: expected the first loss [\d.]+ at batch size 16, got [\d.]+ on wasm/,
    );
  });
});
