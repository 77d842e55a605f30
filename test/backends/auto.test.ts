/* Which device training ends up on, and that it is the same training wherever that is. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AutoDevice, type Rival } from '../../src/backends/auto.js';
import { Backend } from '../../src/numerics/backend.js';
import type { BackendName, Device, Executable } from '../../src/backends/device.js';
import { ReferenceDevice } from '../../src/backends/reference.js';
import { createWasmDevice } from '../../src/backends/wasm/wasm.js';
import { NEEDED_LIMITS } from '../../src/backends/webgpu/adapter/limits.js';
import { createWebgpuDevice } from '../../src/backends/webgpu/create-device.js';
import {
  adam,
  BackendError,
  batchNorm2d,
  conv2d,
  createBackend,
  dropout,
  flatten,
  linear,
  onImages,
  relu,
  sequential,
  type Trainer,
} from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';
import { blobs, createTrainer, expectCloseState, expectSameState } from '../training/fixtures.js';
import { describeWithGpu } from '../webgpu.js';

// 101 steps an epoch, the last with 2 examples.
const train = blobs({ size: 402 });
const test = blobs({ size: 30, seed: 1 });

/** Milliseconds on the clock of devices at a pace, which nothing else moves. */
let clock = 0;

/** A device that takes a given time for each step, and may fail. */
class PacedDevice implements Device {
  readonly info;
  isClosed = false;
  /** Steps of each run. */
  readonly runs: number[] = [];
  /** Told of every run, before it begins. */
  onRun: () => void = () => {};
  readonly #device: Device;
  readonly #milliseconds: number;

  constructor(name: BackendName, milliseconds: number, device?: Device) {
    this.info = { backend: name, build: `${name} at a pace`, threads: 1, notes: [] };
    this.#milliseconds = milliseconds;
    this.#device = device ?? new ReferenceDevice('float32');
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#device.compile(step);
    const run = async (times: number) => {
      this.onRun();
      this.runs.push(times);
      await new Promise((resolve) => setTimeout(resolve, 0));
      clock += this.#milliseconds * times;
      await executable.run(times);
    };
    return { run, close: () => executable.close() };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#device.write(tensor, values);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#device.read(tensor);
  }

  release(tensors: Iterable<Tensor>): void {
    this.#device.release(tensors);
  }

  finish(): Promise<void> {
    return this.#device.finish();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#device.close();
  }
}

/** An automatic choice between two devices of so many milliseconds per step. */
function choice(milliseconds: readonly [first: number, rival: number]) {
  const first = new PacedDevice('wasm', milliseconds[0]);
  const rival = new PacedDevice('webgpu', milliseconds[1]);
  const open = vi.fn<Rival['open']>(async () => rival);
  const device = new AutoDevice(first, { name: 'webgpu', open });
  return { first, rival, open, backend: new Backend(device) };
}

/** A trainer whose every step draws masks, and changes statistics and what the optimizer keeps. */
function restlessTrainer(backend: Backend): Trainer {
  const layers = [conv2d(1, 2, 2), batchNorm2d(2), relu(), flatten(), dropout(0.5), linear(2, 3)];
  const model = onImages({ channels: 1, height: 2, width: 2 }, sequential(...layers));
  return createTrainer(backend, { model, batchSize: 4, optimizer: adam({ learningRate: 0.01 }) });
}

/** A run long enough for a trial, with questions before and after it. */
async function trainLong(trainer: Trainer, epochs = 4) {
  const before = await trainer.predict(test.inputs);
  const history = await trainer.fit(train, { epochs, validation: test });
  return {
    losses: history.epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]),
    predictions: [before, await trainer.predict(test.inputs)],
    gradients: await trainer.gradients(test.inputs, test.targets),
    checkpoint: await trainer.checkpoint(),
  };
}

const alone = () => new Backend(new ReferenceDevice('float32'));
const expected = await trainLong(restlessTrainer(alone()));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('the automatic choice', () => {
  beforeEach(() => {
    clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock);
  });

  it('begins on the first device, and says that it will try the other', () => {
    const { backend, open } = choice([1, 0]);
    expect(backend.info).toEqual({
      backend: 'wasm',
      build: 'wasm at a pace',
      threads: 1,
      notes: ['auto: starts on wasm, and tries webgpu when training has taken 100 ms'],
    });
    expect(open).not.toHaveBeenCalled();
  });

  it('goes on with the faster one, closes the other, and tells the figures', async () => {
    const { first, rival, open, backend } = choice([2, 0]);
    expect(await trainLong(restlessTrainer(backend))).toEqual(expected);
    expect([first.isClosed, rival.isClosed]).toEqual([true, false]);
    expect(open).toHaveBeenCalledTimes(1);
    expect(backend.info).toMatchObject({ backend: 'webgpu', build: 'webgpu at a pace' });
    expect(backend.info.notes).toEqual([
      expect.stringMatching(
        /^auto: [\d.]+ ms a step of batch 4 on wasm, [\d.]+ ms on webgpu \(webgpu at a pace\): goes on with webgpu$/,
      ),
    ]);
    await backend.close();
    expect(rival.isClosed).toBe(true);
  });

  it.each([
    ['slower', 4],
    ['hardly faster', 1.95],
  ])('stays where it is when the other is %s', async (_, milliseconds) => {
    const { first, rival, open, backend } = choice([2, milliseconds]);
    expect(await trainLong(restlessTrainer(backend))).toEqual(expected);
    expect([first.isClosed, rival.isClosed]).toEqual([false, true]);
    expect(open).toHaveBeenCalledTimes(1);
    expect(backend.info.backend).toBe('wasm');
    expect(backend.info.notes).toEqual([
      expect.stringMatching(
        /^auto: [\d.]+ ms a step of batch 4 on wasm, [\d.]+ ms on webgpu \(webgpu at a pace\): stays with wasm$/,
      ),
    ]);
  });

  it('takes every tensor along, of other trainers too', async () => {
    const { backend } = choice([2, 0]);
    const [other, untouched] = [backend, alone()].map((each) => createTrainer(each, { seed: 5 }));
    await trainLong(restlessTrainer(backend));
    expect(backend.info.backend).toBe('webgpu');
    expectSameState(await other.state(), await untouched.state());
    await other.fit(train, { epochs: 1 });
    await untouched.fit(train, { epochs: 1 });
    expectSameState(await other.state(), await untouched.state());
  });

  it('takes along what is written while it tries', async () => {
    const { rival, backend } = choice([2, 0]);
    const others: Trainer[] = [];
    rival.onRun = () => others.push(createTrainer(backend, { seed: others.length }));
    await trainLong(restlessTrainer(backend));
    expect(backend.info.backend).toBe('webgpu');
    rival.onRun = () => {};
    expect(others.length).toBeGreaterThan(3);
    for (const [seed, other] of others.entries()) {
      expectSameState(await other.state(), await createTrainer(alone(), { seed }).state());
    }
  });

  it('never opens the other for evaluation, prediction, single ops or a short run', async () => {
    const { open, backend } = choice([4, 0]);
    const trainer = createTrainer(backend, { batchSize: 201 });
    for (let i = 0; i < 30; i++) {
      await trainer.evaluate(test);
      await trainer.predict(test.inputs);
      await trainer.gradients(test.inputs, test.targets);
      await backend.relu([1]);
    }
    await trainer.fit(train, { epochs: 2 });
    expect(open).not.toHaveBeenCalled();
  });

  it('stays where it is when the other is not considered, and says why', async () => {
    const { first, open, backend } = choice([2, 0]);
    open.mockRejectedValue(new BackendError('webgpu: expected a GPU adapter, got none'));
    expect(await trainLong(restlessTrainer(backend))).toEqual(expected);
    expect(open).toHaveBeenCalledTimes(1);
    expect(first.isClosed).toBe(false);
    expect(backend.info.notes).toEqual(['webgpu: expected a GPU adapter, got none']);
  });

  it.each(['compile', 'write', 'finish'] as const)(
    'stays where it is when %s of the other fails, and trains on unharmed',
    async (method) => {
      const { first, rival, backend } = choice([2, 0]);
      const failure = new BackendError('webgpu: out of memory');
      vi.spyOn(rival, method).mockImplementation(() => {
        throw failure;
      });
      expect(await trainLong(restlessTrainer(backend))).toEqual(expected);
      expect([first.isClosed, rival.isClosed]).toEqual([false, true]);
      expect(backend.info.notes).toEqual([
        'auto: webgpu failed its trial (webgpu: out of memory): stays with wasm',
      ]);
    },
  );

  it('stays where it is when the other fails in the middle of a run', async () => {
    const { rival, backend } = choice([2, 0]);
    rival.onRun = () => {
      if (rival.runs.length === 2) throw new BackendError('webgpu: the device was lost');
    };
    expect(await trainLong(restlessTrainer(backend))).toEqual(expected);
    expect(backend.info.notes).toEqual([
      'auto: webgpu failed its trial (webgpu: the device was lost): stays with wasm',
    ]);
  });

  it('closes both when it is closed while it tries, which ends the run', async () => {
    const { first, rival, backend } = choice([2, 0]);
    let closing: Promise<void> | undefined;
    rival.onRun = () => {
      closing ??= backend.device.close();
    };
    const fitting = restlessTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('reference: the backend is closed'));
    await closing;
    expect([first.isClosed, rival.isClosed]).toEqual([true, true]);
  });

  it('closes the other, too, when it is closed while that is being opened', async () => {
    const { first, rival, open, backend } = choice([2, 0]);
    open.mockImplementation(async () => {
      await backend.device.close();
      return rival;
    });
    const fitting = restlessTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('reference: the backend is closed'));
    expect([first.isClosed, rival.isClosed]).toEqual([true, true]);
  });

  it('tells what is wrong with the first device when that fails in the trial', async () => {
    const { first, rival, backend } = choice([2, 0]);
    rival.onRun = () => {
      vi.spyOn(first, 'read').mockRejectedValue(new BackendError('wasm: a thread failed'));
      vi.spyOn(first, 'write').mockImplementation(() => {
        throw new BackendError('wasm: a thread failed');
      });
    };
    const fitting = restlessTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('wasm: a thread failed'));
    expect(rival.isClosed).toBe(true);
  });

  it('tries a run about as long as those before, not the few steps at the end of an epoch', async () => {
    const { first, rival, backend } = choice([2, 0]);
    const state = persistent('state', [4], 'int32');
    const step = new Step({ seed: 0, state, updatesStatistics: true });
    step.call('advance', { state }, { attributes: { batchSize: 8 } });
    const executable = await backend.device.compile(step);
    for (const times of [60, 20, 29]) await executable.run(times);
    expect(rival.runs).toEqual([]);
    await executable.run(30);
    // A first run, and three that are timed, of which nothing stays; then the one that was asked.
    expect(rival.runs).toEqual([30, 30, 30, 30, 30]);
    expect(first.runs).toEqual([60, 20, 29, 30, 30, 30]);
    expect(await backend.device.read(state)).toEqual(Int32Array.of(139, 139, 8 * 139, 0));
  });

  it('between backends that round differently ends near what either learns', async () => {
    const first = new PacedDevice('wasm', 2, await createWasmDevice({ threads: 1 }));
    const rival: Rival = { name: 'reference', open: async () => new ReferenceDevice('float32') };
    await using backend = new Backend(new AutoDevice(first, rival));
    const trainer = createTrainer(backend, { batchSize: 4 });
    await trainer.fit(train, { epochs: 3 });
    expect(backend.info.backend).toBe('reference');
    const want = createTrainer(alone(), { batchSize: 4 });
    await want.fit(train, { epochs: 3 });
    expectCloseState(await trainer.state(), await want.state(), { absolute: 1e-4 });
  });
});

describeWithGpu('the automatic choice of a GPU', () => {
  it('ends near what the CPU learns', async () => {
    const real = performance.now.bind(performance);
    // The CPU's pace on top of the time that both take.
    vi.spyOn(performance, 'now').mockImplementation(() => real() + clock);
    const first = new PacedDevice('wasm', 50);
    const rival: Rival = { name: 'webgpu', open: () => createWebgpuDevice() };
    await using backend = new Backend(new AutoDevice(first, rival));
    const [trainer, want] = [backend, alone()].map((each) => createTrainer(each));
    const history = await trainer.fit(train, { epochs: 2, validation: test });
    const figures = backend.info.notes.at(-1);
    expect(figures).toContain(`goes on with webgpu`);
    expect(backend.info).toMatchObject({ backend: 'webgpu' });
    const { epochs } = await want.fit(train, { epochs: 2, validation: test });
    expect(history.epochs[1].validLoss).toBeCloseTo(epochs[1].validLoss as number, 4);
    expectCloseState(await trainer.state(), await want.state(), { absolute: 1e-4 });
  });
});

describe("createBackend('auto')", () => {
  /** What a browser has whose only adapter has that name. */
  function browserWith(description: string) {
    const device = { destroy: vi.fn() };
    const adapter = {
      info: { vendor: '', architecture: '', description },
      limits: NEEDED_LIMITS,
      features: new Set(),
      requestDevice: async () => device,
    };
    const requestAdapter = vi.fn(async () => adapter);
    vi.stubGlobal('navigator', { gpu: { requestAdapter } });
    return { device, requestAdapter };
  }

  it('never considers an adapter that computes on the CPU', async () => {
    const { device, requestAdapter } = browserWith('llvmpipe (LLVM 19.1.7, 256 bits)');
    await using backend = await createBackend('auto', { threads: 1 });
    expect(requestAdapter).not.toHaveBeenCalled();
    const trainer = createTrainer(backend, { batchSize: 4 });
    const until = performance.now() + 2000;
    const onEpoch = () => performance.now() < until && requestAdapter.mock.calls.length === 0;
    await trainer.fit(train, { epochs: 1e6, onEpoch });
    expect(requestAdapter).toHaveBeenCalledTimes(1);
    expect(device.destroy).toHaveBeenCalledTimes(1);
    expect(backend.info.backend).toBe('wasm');
    expect(backend.info.notes).toContain(
      'webgpu: llvmpipe (LLVM 19.1.7, 256 bits) computes on the CPU: not considered',
    );
  });

  it('says so where there is no WebGPU', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    try {
      await cp(new URL('../../dist', import.meta.url), folder, { recursive: true });
      const program = `import { createBackend } from './index.js';
        const backend = await createBackend('auto', { threads: 1 });
        console.log(backend.info.backend, backend.info.notes.join());
        await backend.close();`;
      const args = ['--input-type=module', '--eval', program];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
      expect(stdout).toMatch(
        /^wasm .*webgpu: expected the package webgpu \(Dawn\), got none; run npm install webgpu\n$/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
