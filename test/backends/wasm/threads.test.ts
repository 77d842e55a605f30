import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { syntheticDigits } from '../../../src/data/synthetic/synthetic-digits.js';
import { type Backend, createBackend } from '../../../src/index.js';
import { relu } from '../../../src/layers/activations/relu.js';
import { onImages } from '../../../src/layers/containers/on-images.js';
import { sequential } from '../../../src/layers/containers/sequential.js';
import { conv2d } from '../../../src/layers/conv2d.js';
import { dropout } from '../../../src/layers/dropout.js';
import { flatten } from '../../../src/layers/flatten.js';
import type { Layer } from '../../../src/layers/layer.js';
import { linear } from '../../../src/layers/linear.js';
import { averagePool2d, maxPool2d } from '../../../src/layers/pooling.js';
import { OPS } from '../../../src/ops/registry.js';
import { Step } from '../../../src/step.js';
import { persistent } from '../../../src/tensor.js';
import { softmaxCrossEntropy } from '../../../src/training/losses/softmax-cross-entropy.js';
import { adam } from '../../../src/training/optimizers/adam.js';
import { Trainer } from '../../../src/training/trainer.js';
import { residualNetwork } from '../../networks.js';

const DIGIT = { channels: 1, height: 28, width: 28 };

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Weights after 1,000 steps of a network with small and large calls. */
async function trainedWeights(backend: Backend): Promise<Uint8Array> {
  const { train } = syntheticDigits({ trainSize: 2000, testSize: 1 });
  const trainer = new Trainer(backend, {
    model: sequential(linear(784, 40), relu(), linear(40, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: 50,
    clipNorm: 1,
  });
  await trainer.fit(train, { epochs: 25 });
  return trainer.encode();
}

/** Networks that three threads cannot share evenly, on images with asymmetric borders. */
const IMAGE_NETWORKS = {
  convolutions: () =>
    onImages(
      DIGIT,
      sequential(
        conv2d(1, 5, 5, { stride: 2, padding: 1 }),
        relu(),
        maxPool2d(3, { stride: 2, padding: 1 }),
        dropout(0.25),
        conv2d(5, 9, 3),
        averagePool2d(2),
        flatten(),
        linear(36, 10),
      ),
    ),
  'residual blocks': () => residualNetwork(DIGIT),
};

/** Weights and running statistics after 14 steps on images, the last of each epoch smaller. */
async function trainedOnImages(backend: Backend, model: Layer): Promise<Uint8Array> {
  const { train } = syntheticDigits({ trainSize: 80, testSize: 1 });
  const trainer = new Trainer(backend, {
    model,
    loss: softmaxCrossEntropy(),
    optimizer: adam({ learningRate: 1e-2 }),
    batchSize: 19,
  });
  await trainer.fit(train, { epochs: 2 });
  return trainer.encode();
}

/** A step whose second thread accesses an address outside the memory: the target of row 40 of 64 is too large. */
async function trappingStep({ runtime }: Backend) {
  const [L, p] = [persistent('L', [1]), persistent('p', [64, 10])];
  const [z, t] = [persistent('z', [64, 10]), persistent('t', [64], 'int32')];
  const step = new Step();
  step.call(OPS.softmaxCrossEntropyForward, { z, t }, { into: { L, p } });
  const targets = new Int32Array(64);
  targets[40] = 2 ** 28;
  runtime.write(t, targets);
  return runtime.compile(step);
}

describe('threads', () => {
  it('give the same weights after 1,000 steps, bit for bit, however many there are', async () => {
    const [one, ...others] = await Promise.all(
      [1, 2, 3].map(async (threads) => {
        await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
        expect(backend.info.threads).toBe(threads);
        return await trainedWeights(backend);
      }),
    );
    for (const other of others) expect(Buffer.compare(one, other)).toBe(0);
  });

  it('give the same bits, and end, when there are more of them than idle cores', async () => {
    // One busy process for each core.
    const { availableParallelism } = await import('node:os');
    const busy = Array.from({ length: availableParallelism() }, () =>
      execFile(process.execPath, ['--eval', 'for (;;);']),
    );
    try {
      const results: Uint8Array[] = [];
      for (const threads of [1, 2, 3, 5, 8]) {
        await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
        results.push(await trainedOnImages(backend, IMAGE_NETWORKS.convolutions()));
      }
      for (const result of results) expect(Buffer.compare(result, results[0])).toBe(0);
    } finally {
      for (const each of busy) each.kill('SIGKILL');
    }
  });

  it.each(Object.entries(IMAGE_NETWORKS))(
    'and rows of tiles do not change the bits of the weights of %s',
    async (_name, model) => {
      const results: Uint8Array[] = [];
      for (const threads of [1, 2, 3]) {
        for (const tileRows of [4, 6] as const) {
          await using backend = await createBackend('wasm', {
            threads,
            worthPartitioning: 0,
            tileRows,
          });
          results.push(await trainedOnImages(backend, model()));
        }
      }
      const [first, ...others] = results;
      for (const other of others) expect(Buffer.compare(first, other)).toBe(0);
    },
  );

  it.each([0, -1, 1.5, 10_000, Number.NaN])('cannot be %s', async (threads) => {
    await expect(createBackend('wasm', { threads })).rejects.toThrow(
      `wasm: expected threads to be an integer from 1 to 64, got ${threads}`,
    );
  });

  it('are the number of cores minus one by default', async () => {
    const { availableParallelism } = await import('node:os');
    await using backend = await createBackend('wasm');
    expect(backend.info.threads).toBe(Math.min(Math.max(1, availableParallelism() - 1), 8));
  });

  it('are one without SharedArrayBuffer, and a note gives the reason', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    await using backend = await createBackend('wasm', { threads: 2 });
    expect(backend.info.threads).toBe(1);
    expect(backend.info.notes.join()).toContain('SharedArrayBuffer is missing');
    expect(await backend.relu([-1, 2])).toEqual(new Float32Array([0, 2]));
  });

  it('use no processor time between runs', async () => {
    await using backend = await createBackend('wasm', { threads: 3 });
    await backend.relu([1]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, 'milliseconds in a second').toBeLessThan(100);
  });

  it('work for two backends at once', async () => {
    await using one = await createBackend('wasm', { threads: 2, worthPartitioning: 0 });
    await using two = await createBackend('wasm', { threads: 2, worthPartitioning: 0 });
    const sizes = { m: 64, n: 64, k: 64 };
    const a = Float32Array.from({ length: 4096 }, (_, i) => i % 7);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).matmul(a, a, sizes)),
    );
    for (const result of results) expect(result).toEqual(results[0]);
  });
});

describe('a thread that fails', () => {
  it('during a run is an error with its reason, and later runs fail too', async () => {
    await using backend = await createBackend('wasm', { threads: 2, worthPartitioning: 0 });
    const executable = await trappingStep(backend);
    await expect(executable.run(1)).rejects.toThrow(
      /^wasm: expected all threads to finish, got a failure of one: RuntimeError: .*memory access/,
    );
    await expect(backend.relu([1])).rejects.toThrow(/failure of one: RuntimeError/);
  });

  it('between two runs is an error with its reason', async () => {
    const workers: Worker[] = [];
    const keep = (worker: Worker) => workers.push(worker);
    process.on('worker', keep);
    await using backend = await createBackend('wasm', { threads: 2 });
    process.off('worker', keep);
    await backend.relu([1]);
    await workers[0].terminate();
    await expect(backend.relu([1])).rejects.toThrow(
      /^wasm: expected all threads to finish, got a failure of one: the worker ended with status \d/,
    );
  });

  it('at the start is an error with its reason', async () => {
    const strangle = (worker: Worker) => void worker.terminate();
    process.on('worker', strangle);
    try {
      await expect(createBackend('wasm', { threads: 2 })).rejects.toThrow(
        /^wasm: expected thread 1 to start, got: the worker ended with status \d/,
      );
    } finally {
      process.off('worker', strangle);
    }
  });
});

describe('a process with threads', () => {
  const run = promisify(execFile);
  const program = (rest: string) =>
    run(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { createBackend } from './dist/index.js';
       const backend = await createBackend('wasm', { threads: 2 });
       console.log((await backend.matmul([1, 2], [3, 4], { m: 1, n: 1, k: 2 }))[0]);
       ${rest}`,
    ]);

  it('exits after close', async () => {
    expect((await program('await backend.close(); await backend.close();')).stdout).toBe('11\n');
  });

  it('exits even if the backend is not closed', async () => {
    expect((await program('')).stdout).toBe('11\n');
  });
});
