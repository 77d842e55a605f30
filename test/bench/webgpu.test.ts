/* What benchmarks find out about a GPU. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Contender } from '../../bench/contender.js';
import { benchMatmul } from '../../bench/matmul.js';
import { benchOverhead } from '../../bench/overhead.js';
import { benchTrain } from '../../bench/train.js';
import type { Device } from '../../src/backends/device.js';
import { syntheticDigits } from '../../src/data/synthetic/synthetic-digits.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { RECIPES } from '../../src/recipes.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeWithGpu } from '../webgpu.js';

const POSITIVE = expect.toSatisfy((value: number) => value > 0 && Number.isFinite(value));

describeWithGpu('on a GPU', () => {
  const open = () => createBackend('webgpu');
  let gpu: Contender;
  let device: Device;
  beforeAll(async () => {
    gpu = { backend: await open(), open };
    device = gpu.backend.device;
  });
  afterAll(() => gpu.backend.close());

  it('kernels are timed by its own clock, and run as often as asked', async () => {
    const [dw, factor] = [persistent('dw', [1]), persistent('factor', [1])];
    const step = new Step();
    step.call('scaleGradient', { dw, factor });
    const executable = await device.compile(step);
    device.write(dw, [1]);
    device.write(factor, [2]);
    expect(executable.kernels).toBe(1);
    expect(await executable.kernelMilliseconds?.(10)).toBeGreaterThanOrEqual(0);
    expect(await device.read(dw)).toEqual(Float32Array.of(1024));
    executable.close();
  });

  it.each(['multiplyAdds', 'exponentials'] as const)(
    'the roof of %s counts twice as much work for twice as many turns',
    async (loop) => {
      const once = await device.peaks?.[loop](1);
      expect(once).toBeGreaterThan(0);
      expect(await device.peaks?.[loop](2)).toBe(2 * Number(once));
    },
  );

  it('a product has its kernels, its first run and its transfers timed apart, under a roof', async () => {
    const shape = { m: 8, k: 16, n: 4, transpose: 'NN' } as const;
    const [result] = await benchMatmul([{ ...gpu, variant: 'as it is' }], [shape], 1);
    expect(result).toMatchObject({
      backend: 'webgpu',
      variant: 'as it is',
      kernelMs: POSITIVE,
      coldMs: POSITIVE,
      transfer: {
        uploadBytes: 4 * (8 * 16 + 16 * 4),
        uploadMs: POSITIVE,
        readbackBytes: 4 * 8 * 4,
        readbackMs: POSITIVE,
      },
      roofFraction: POSITIVE,
      verified: true,
    });
    // The first run compiles.
    expect(result.coldMs).toBeGreaterThan(Number(result.ms?.median));
  });

  const digits = syntheticDigits({ trainSize: 640, testSize: 1 });

  it('a training step has its kernels timed apart, which are a part of it', async () => {
    await using reference = await createBackend('reference');
    const [result] = await benchTrain([gpu], [RECIPES.softmax], digits, reference, 3);
    expect(result).toMatchObject({ kernelMs: POSITIVE, coldMs: POSITIVE, verified: true });
    // They are timed at another moment, and in software a machine that is busy slows either.
    expect(result.kernelMs).toBeLessThan(3 * Number(result.stepMs?.median));
  });

  it('a kernel costs CPU time, which a backend without kernels has no figure of', async () => {
    const cpu = await createBackend('wasm');
    const both = [gpu, { backend: cpu, open: () => createBackend('wasm') }];
    const results = await benchOverhead(both, [RECIPES.softmax], digits, 1);
    await cpu.close();
    expect(results).toHaveLength(1);
    const { overhead } = results[0];
    // Nothing is compared.
    expect(results[0]).not.toHaveProperty('verified');
    // Three calls into the encoder take longer than this: less would mean that they were not timed.
    expect(overhead?.microsecondsPerKernel).toBeGreaterThan(0.1);
    expect(Number(overhead?.kernelsPerSubmit) % Number(overhead?.kernelsPerStep)).toBe(0);
  });

  it('a submission has no more steps than there are whole batches', async () => {
    const ofRecipe = async (trainSize: number) => {
      const few = syntheticDigits({ trainSize, testSize: 1 });
      return (await benchOverhead([gpu], [RECIPES.softmax], few, 1))[0]?.overhead;
    };
    // Batches of 64: of four, one to begin with, and one that is not whole.
    const overhead = await ofRecipe(3 * 64 + 10);
    expect(overhead?.kernelsPerSubmit).toBe(2 * Number(overhead?.kernelsPerStep));
    expect(await ofRecipe(64 + 10)).toBeUndefined();
  });
});
