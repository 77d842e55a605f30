/* Memory is planned once: long training runs need no more of it than short ones. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openAdapter } from '../src/backends/webgpu/adapter/adapter.js';
import { WebgpuRuntime } from '../src/backends/webgpu/webgpu-runtime.js';
import { syntheticDigits } from '../src/data/synthetic/synthetic-digits.js';
import { adam, linear, sequential, squaredError, type Trainer } from '../src/index.js';
import { Backend } from '../src/numerics/backend.js';
import { describeOnEachBackend } from './backends.js';
import { residualNetwork } from './networks.js';
import { blobs, createTrainer, plane } from './training/fixtures.js';
import { describeWithGpu } from './webgpu.js';

const DIGIT = { channels: 1, height: 28, width: 28 };
const MEBIBYTE = 2 ** 20;
/** Bytes that the engine may allocate for itself, such as compiled code: 20 per step below. */
const SLACK = 2 * MEBIBYTE;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes that JavaScript still references, including WebAssembly memory and other buffers. */
async function bytesInUse(): Promise<number> {
  let least = Infinity;
  // Buffers are freed some time after the collection that finds them unreferenced.
  for (let collection = 0; collection < 5; collection++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}

/** Bytes by which `task` increases memory in use, and how often it grew WebAssembly memory. */
async function growthOf(task: () => Promise<unknown>): Promise<{ bytes: number; grown: number }> {
  const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
  const before = await bytesInUse();
  await task();
  return { bytes: (await bytesInUse()) - before, grown: grow.mock.calls.length };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the measurement', () => {
  it('counts referenced memory, and stops counting released memory', async () => {
    let kept: Uint8Array | undefined;
    const { bytes } = await growthOf(async () => {
      kept = new Uint8Array(2 * SLACK).fill(1);
    });
    expect(bytes).toBeGreaterThan(1.5 * SLACK);
    const { bytes: less } = await growthOf(async () => {
      kept = undefined;
    });
    expect(kept).toBeUndefined();
    expect(less).toBeLessThan(-1.5 * SLACK);
  });
});

describeOnEachBackend('memory', (backend) => {
  // 1,000 steps an epoch; the last batch is smaller.
  const train = blobs({ size: 3999 });
  const create = (): Trainer =>
    createTrainer(backend, { batchSize: 4, optimizer: adam({ learningRate: 1e-4 }), clipNorm: 1 });

  // Barriers dominate such a small model on a busy machine with threads, and software GPUs are slower
  // still.
  const isGpu = backend.info.backend === 'webgpu';
  const epochs = isGpu ? 2 : backend.info.threads > 1 ? 5 : 100;

  it(`does not grow between 1,000 and ${epochs},000 steps`, async () => {
    const trainer = create();
    await trainer.fit(train, { epochs: 1 });
    const { bytes, grown } = await growthOf(() => trainer.fit(train, { epochs: epochs - 1 }));
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  });

  it('does not grow between 10 and 200 steps of a network on images', async () => {
    const trainer = createTrainer(backend, { model: residualNetwork(DIGIT), batchSize: 2 });
    // 10 steps an epoch. Each may leave 11 KiB, less than any activation of the first half.
    const digits = syntheticDigits({ trainSize: 20, testSize: 1 }).train;
    await trainer.fit(digits, { epochs: 1 });
    const { bytes, grown } = await growthOf(() => trainer.fit(digits, { epochs: isGpu ? 4 : 19 }));
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  });

  it('does not grow with validation, step reports and other calls in between', async () => {
    const trainer = create();
    const validation = blobs({ size: 300, seed: 1 });
    const run = (epochs: number) =>
      trainer.fit(train, {
        epochs,
        validation,
        onStep: () => {},
        onProgress: () => {},
        onEpoch: async () => {
          await trainer.predict(validation.inputs.subarray(0, 40));
          await trainer.gradients(validation.inputs, validation.targets);
          await trainer.checkpoint();
        },
      });
    await run(1);
    const { bytes, grown } = await growthOf(() => run(isGpu ? 1 : 4));
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  });

  it('does not grow with calls of the numerical core in changing sizes', async () => {
    const calls = async () => {
      for (let i = 0; i < (isGpu ? 450 : 6000); i++) {
        const size = 1 + (i % 150);
        await backend.relu(new Float32Array(size).fill(1));
      }
    };
    await calls();
    const { bytes, grown } = await growthOf(calls);
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  });
});

describeWithGpu('memory of a GPU', () => {
  it('is allocated in the first steps, and does not grow in 10,000 more', async () => {
    const adapter = await openAdapter();
    const backend = new Backend(new WebgpuRuntime(adapter));
    const create = vi.spyOn(adapter.device, 'createBuffer');
    const [model, loss] = [sequential(linear(2, 1)), squaredError()];
    const trainer = createTrainer(backend, { model, loss, batchSize: 1 });
    const points = plane({ size: 1000 });
    await trainer.fit(points, { epochs: 2, validation: points });
    expect(create).toHaveBeenCalled();
    create.mockClear();
    const run = () => trainer.fit(points, { epochs: 10, validation: points });
    const { bytes } = await growthOf(run);
    // How many losses are in flight at once depends on timing, so a staging buffer or two may be new.
    const labels = create.mock.calls.map(([{ label }]) => label);
    expect(labels.filter((label) => label !== 'staging')).toEqual([]);
    expect(labels.length).toBeLessThanOrEqual(2);
    expect(bytes).toBeLessThan(SLACK);
    await backend.close();
  });
});
