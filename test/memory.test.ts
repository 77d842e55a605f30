/* Training for long takes no more memory than training for a little: all is planned once. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openAdapter } from '../src/backends/webgpu/adapter/adapter.js';
import { WebgpuDevice } from '../src/backends/webgpu/webgpu-device.js';
import { syntheticDigits } from '../src/data/synthetic/synthetic-digits.js';
import { adam, linear, sequential, squaredError, type Trainer } from '../src/index.js';
import { Backend } from '../src/numerics/backend.js';
import { describeOnEachBackend } from './backends.js';
import { residualNetwork } from './networks.js';
import { blobs, createTrainer, plane } from './training/fixtures.js';
import { describeWithGpu } from './webgpu.js';

const DIGIT = { channels: 1, height: 28, width: 28 };
const MEBIBYTE = 2 ** 20;
/** What the engine may come to keep of its own, such as compiled code: 20 bytes for each step below. */
const SLACK = 2 * MEBIBYTE;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes that JavaScript still refers to, WebAssembly's memory and other buffers among them. */
async function bytesInUse(): Promise<number> {
  let least = Infinity;
  // Buffers are given back some time after the collection that finds them free.
  for (let collection = 0; collection < 5; collection++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}

/** How much more memory `task` leaves in use, and how often it made WebAssembly's grow. */
async function growthOf(task: () => Promise<unknown>): Promise<{ bytes: number; grown: number }> {
  const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
  const before = await bytesInUse();
  await task();
  return { bytes: (await bytesInUse()) - before, grown: grow.mock.calls.length };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the measure', () => {
  it('sees memory that is kept, and no longer when it is not', async () => {
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
  // 1,000 steps an epoch, the last smaller.
  const train = blobs({ size: 3999 });
  const create = (): Trainer =>
    createTrainer(backend, { batchSize: 4, optimizer: adam({ learningRate: 1e-4 }), clipNorm: 1 });

  // Threads that meet in every call of so small a model take long on a busy machine, and a GPU in
  // software takes longer still.
  const isGpu = backend.info.backend === 'webgpu';
  const epochs = isGpu ? 2 : backend.info.threads > 1 ? 5 : 100;

  it(`does not grow between 1,000 and ${epochs},000 steps`, async () => {
    const trainer = create();
    await trainer.fit(train, { epochs: 1 });
    const { bytes, grown } = await growthOf(() => trainer.fit(train, { epochs: epochs - 1 }));
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  }, 60_000);

  it('does not grow between 10 and 200 steps of a network on images', async () => {
    const trainer = createTrainer(backend, { model: residualNetwork(DIGIT), batchSize: 2 });
    // 10 steps an epoch. Each may leave 11 KiB, less than any activation of the first half has.
    const digits = syntheticDigits({ trainSize: 20, testSize: 1 }).train;
    await trainer.fit(digits, { epochs: 1 });
    const { bytes, grown } = await growthOf(() => trainer.fit(digits, { epochs: isGpu ? 4 : 19 }));
    expect(grown).toBe(0);
    expect(bytes).toBeLessThan(SLACK);
  }, 60_000);

  it('does not grow with validation, reports of every step and questions in between', async () => {
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
  }, 60_000);

  it('does not grow with the calls of the numerical core, of ever other sizes', async () => {
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
  it('is all there after the first steps, and does not grow in 10,000 more', async () => {
    const adapter = await openAdapter();
    const backend = new Backend(new WebgpuDevice(adapter));
    const create = vi.spyOn(adapter.device, 'createBuffer');
    const [model, loss] = [sequential(linear(2, 1)), squaredError()];
    const trainer = createTrainer(backend, { model, loss, batchSize: 1 });
    const points = plane({ size: 1000 });
    await trainer.fit(points, { epochs: 2, validation: points });
    expect(create).toHaveBeenCalled();
    create.mockClear();
    const run = () => trainer.fit(points, { epochs: 10, validation: points });
    const { bytes } = await growthOf(run);
    expect(create).not.toHaveBeenCalled();
    expect(bytes).toBeLessThan(SLACK);
    await backend.close();
  });
});
