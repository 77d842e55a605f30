/* Figures that benchmarks report for a GPU only. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Runtime } from '../../src/backends/runtime.js';
import type { Candidate } from '../../src/bench/candidate.js';
import { benchMatmul } from '../../src/bench/matmul.js';
import { benchOverhead } from '../../src/bench/overhead.js';
import { benchTrain } from '../../src/bench/train.js';
import { syntheticDigits } from '../../src/data/synthetic/synthetic-digits.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { OPS } from '../../src/ops/registry.js';
import { RECIPES } from '../../src/recipes.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeWithGpu } from '../webgpu.js';

const POSITIVE = expect.toSatisfy((value: number) => value > 0 && Number.isFinite(value));

describeWithGpu('on a GPU', () => {
  const open = () => createBackend('webgpu');
  let gpu: Candidate;
  let runtime: Runtime;
  beforeAll(async () => {
    gpu = { backend: await open(), open };
    runtime = gpu.backend.runtime;
  });
  afterAll(() => gpu.backend.close());

  it('kernels are timed by its timestamps and run the requested number of times', async () => {
    const [dw, factor] = [persistent('dw', [1]), persistent('factor', [1])];
    const step = new Step();
    step.call(OPS.scaleGradient, { dw, factor });
    const executable = await runtime.compile(step);
    runtime.write(dw, [1]);
    runtime.write(factor, [2]);
    expect(executable.kernels).toBe(1);
    expect(await executable.kernelMilliseconds?.(10)).toBeGreaterThanOrEqual(0);
    expect(await runtime.read(dw)).toEqual(Float32Array.of(1024));
    executable.close();
  });

  it.each(['multiplyAdds', 'exponentials'] as const)(
    'the peak of %s counts twice as many operations for twice as many turns',
    async (loop) => {
      const once = await runtime.peaks?.[loop](1);
      expect(once).toBeGreaterThan(0);
      expect(await runtime.peaks?.[loop](2)).toBe(2 * Number(once));
    },
  );

  it('a product has separate times for kernels, first run and transfers, and a share of the peak', async () => {
    const shape = { m: 8, k: 16, n: 4, transpose: 'NN' } as const;
    const [result] = await benchMatmul([{ ...gpu, variant: 'default' }], [shape], 1);
    expect(result).toMatchObject({
      backend: 'webgpu',
      variant: 'default',
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
    // The first run includes compilation.
    expect(result.coldMs).toBeGreaterThan(Number(result.ms?.median));
  });

  const digits = syntheticDigits({ trainSize: 640, testSize: 1 });

  it('a training step has a separate time for its kernels, which is a part of the step', async () => {
    await using reference = await createBackend('reference');
    const [result] = await benchTrain([gpu], [RECIPES.softmax], digits, reference, 3);
    expect(result).toMatchObject({ kernelMs: POSITIVE, coldMs: POSITIVE, verified: true });
    // The two are timed at different moments, and other load slows a software GPU.
    expect(result.kernelMs).toBeLessThan(3 * Number(result.stepMs?.median));
  });

  it('overhead is reported for GPU kernels, and not for a backend without them', async () => {
    const cpu = await createBackend('wasm');
    const both = [gpu, { backend: cpu, open: () => createBackend('wasm') }];
    const results = await benchOverhead(both, [RECIPES.softmax], digits, 1);
    await cpu.close();
    expect(results).toHaveLength(1);
    const { overhead } = results[0];
    // Overhead compares no results.
    expect(results[0]).not.toHaveProperty('verified');
    // Three calls into the encoder take longer than this; less would mean they were not timed.
    expect(overhead?.microsecondsPerKernel).toBeGreaterThan(0.1);
    expect(Number(overhead?.kernelsPerSubmit) % Number(overhead?.kernelsPerStep)).toBe(0);
  });

  it('a submission has at most as many steps as there are whole batches', async () => {
    const ofRecipe = async (trainSize: number) => {
      const few = syntheticDigits({ trainSize, testSize: 1 });
      return (await benchOverhead([gpu], [RECIPES.softmax], few, 1))[0]?.overhead;
    };
    // Four batches of 64: the first is not timed, and the last is not whole.
    const overhead = await ofRecipe(3 * 64 + 10);
    expect(overhead?.kernelsPerSubmit).toBe(2 * Number(overhead?.kernelsPerStep));
    expect(await ofRecipe(64 + 10)).toBeUndefined();
  });
});
