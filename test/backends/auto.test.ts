/* The choice of `auto` between two runtimes, and results that do not depend on it. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AutoRuntime, type Candidate } from '../../src/backends/auto.js';
import { ReferenceRuntime } from '../../src/backends/reference.js';
import type { BackendName, Executable, Runtime } from '../../src/backends/runtime.js';
import { createWasmRuntime } from '../../src/backends/wasm/wasm-runtime.js';
import { NEEDED_LIMITS } from '../../src/backends/webgpu/adapter/limits.js';
import { createWebgpuRuntime } from '../../src/backends/webgpu/create-runtime.js';
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
import { Backend } from '../../src/numerics/backend.js';
import { OPS } from '../../src/ops/registry.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';
import { blobs, createTrainer, expectCloseState, expectSameState } from '../training/fixtures.js';
import { describeWithGpu } from '../webgpu.js';

// 101 steps an epoch, the last with 2 examples.
const train = blobs({ size: 402 });
const test = blobs({ size: 30, seed: 1 });

/** Milliseconds on a mocked clock, which only paced runtimes advance. */
let clock = 0;

/** A runtime that takes a given time per step, and may fail. */
class PacedRuntime implements Runtime {
  readonly info;
  isClosed = false;
  /** Steps of each run. */
  readonly runs: number[] = [];
  /** Called before every run. */
  onRun: () => void = () => {};
  readonly #runtime: Runtime;
  readonly #milliseconds: number;

  constructor(name: BackendName, milliseconds: number, runtime?: Runtime) {
    this.info = { backend: name, build: `${name} at a pace`, threads: 1, notes: [] };
    this.#milliseconds = milliseconds;
    this.#runtime = runtime ?? new ReferenceRuntime('float32');
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#runtime.compile(step);
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
    this.#runtime.write(tensor, values);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#runtime.read(tensor);
  }

  release(tensors: Iterable<Tensor>): void {
    this.#runtime.release(tensors);
  }

  finish(): Promise<void> {
    return this.#runtime.finish();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#runtime.close();
  }
}

/** An automatic choice between two runtimes with the given milliseconds per step. */
function choice(milliseconds: readonly [first: number, candidate: number]) {
  const first = new PacedRuntime('wasm', milliseconds[0]);
  const candidate = new PacedRuntime('webgpu', milliseconds[1]);
  const open = vi.fn<Candidate['open']>(async () => candidate);
  const runtime = new AutoRuntime(first, { name: 'webgpu', open });
  return { first, candidate, open, backend: new Backend(runtime) };
}

/** A trainer whose steps draw dropout masks and change running statistics and moments. */
function statefulTrainer(backend: Backend): Trainer {
  const layers = [conv2d(1, 2, 2), batchNorm2d(2), relu(), flatten(), dropout(0.5), linear(2, 3)];
  const model = onImages({ channels: 1, height: 2, width: 2 }, sequential(...layers));
  return createTrainer(backend, { model, batchSize: 4, optimizer: adam({ learningRate: 0.01 }) });
}

/** A run long enough for a trial, with predictions before and after it. */
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

const alone = () => new Backend(new ReferenceRuntime('float32'));
const expected = await trainLong(statefulTrainer(alone()));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('AutoRuntime', () => {
  beforeEach(() => {
    clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock);
  });

  it('starts on the first runtime, and says when it will try the candidate', () => {
    const { backend, open } = choice([1, 0]);
    expect(backend.info).toEqual({
      backend: 'wasm',
      build: 'wasm at a pace',
      threads: 1,
      notes: ['auto: starts on wasm, and tries webgpu when training has taken 100 ms'],
    });
    expect(open).not.toHaveBeenCalled();
  });

  it('moves to a faster candidate, closes the first runtime, and reports both times', async () => {
    const { first, candidate, open, backend } = choice([2, 0]);
    expect(await trainLong(statefulTrainer(backend))).toEqual(expected);
    expect([first.isClosed, candidate.isClosed]).toEqual([true, false]);
    expect(open).toHaveBeenCalledTimes(1);
    expect(backend.info).toMatchObject({ backend: 'webgpu', build: 'webgpu at a pace' });
    expect(backend.info.notes).toEqual([
      expect.stringMatching(
        /^auto: [\d.]+ ms a step of batch 4 on wasm, [\d.]+ ms on webgpu \(webgpu at a pace\): goes on with webgpu$/,
      ),
    ]);
    await backend.close();
    expect(candidate.isClosed).toBe(true);
  });

  it.each([
    ['slower', 4],
    ['slightly faster', 1.95],
  ])('stays on the first runtime when the candidate is %s', async (_, milliseconds) => {
    const { first, candidate, open, backend } = choice([2, milliseconds]);
    expect(await trainLong(statefulTrainer(backend))).toEqual(expected);
    expect([first.isClosed, candidate.isClosed]).toEqual([false, true]);
    expect(open).toHaveBeenCalledTimes(1);
    expect(backend.info.backend).toBe('wasm');
    expect(backend.info.notes).toEqual([
      expect.stringMatching(
        /^auto: [\d.]+ ms a step of batch 4 on wasm, [\d.]+ ms on webgpu \(webgpu at a pace\): stays with wasm$/,
      ),
    ]);
  });

  it('moves all tensors, including those of other trainers', async () => {
    const { backend } = choice([2, 0]);
    const [other, untouched] = [backend, alone()].map((each) => createTrainer(each, { seed: 5 }));
    await trainLong(statefulTrainer(backend));
    expect(backend.info.backend).toBe('webgpu');
    expectSameState(await other.state(), await untouched.state());
    await other.fit(train, { epochs: 1 });
    await untouched.fit(train, { epochs: 1 });
    expectSameState(await other.state(), await untouched.state());
  });

  it('moves tensors that are written during the trial', async () => {
    const { candidate, backend } = choice([2, 0]);
    const others: Trainer[] = [];
    candidate.onRun = () => others.push(createTrainer(backend, { seed: others.length }));
    await trainLong(statefulTrainer(backend));
    expect(backend.info.backend).toBe('webgpu');
    candidate.onRun = () => {};
    expect(others.length).toBeGreaterThan(3);
    for (const [seed, other] of others.entries()) {
      expectSameState(await other.state(), await createTrainer(alone(), { seed }).state());
    }
  });

  /** Trains, and calls `act` with a tensor as soon as the candidate has received it. */
  async function trainWith(act: (backend: Backend, tensor: Tensor) => void) {
    const { candidate, backend } = choice([2, 0]);
    const tensor = persistent('other', [2]);
    const step = new Step();
    step.call(OPS.reluForward, { x: tensor }, { into: { y: persistent('y', [2]) } });
    await backend.runtime.compile(step);
    backend.runtime.write(tensor, [1, 2]);
    const write = candidate.write.bind(candidate);
    let isFirst = true;
    vi.spyOn(candidate, 'write').mockImplementation((written, values) => {
      write(written, values);
      if (written === tensor && isFirst) {
        isFirst = false;
        act(backend, tensor);
      }
    });
    await trainLong(statefulTrainer(backend));
    expect(backend.info.backend).toBe('webgpu');
    return { candidate, backend, tensor };
  }

  it('moves a tensor again that is written after it was moved', async () => {
    const { backend, tensor } = await trainWith(({ runtime }, other) =>
      runtime.write(other, [3, 4]),
    );
    expect(await backend.runtime.read(tensor)).toEqual(Float32Array.of(3, 4));
  });

  it('releases a tensor on the candidate too', async () => {
    const released = vi.spyOn(PacedRuntime.prototype, 'release');
    const { candidate, tensor } = await trainWith(({ runtime }, other) => runtime.release([other]));
    const { calls, contexts } = released.mock;
    const ofTensor = contexts.filter((_, i) => [...calls[i][0]].includes(tensor));
    expect(ofTensor).toContain(candidate);
  });

  it('never opens the candidate for evaluation, prediction, single ops or a short run', async () => {
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

  it('stays on the first runtime when the candidate cannot be opened, and says why', async () => {
    const { first, open, backend } = choice([2, 0]);
    open.mockRejectedValue(new BackendError('webgpu: expected a GPU adapter, got none'));
    expect(await trainLong(statefulTrainer(backend))).toEqual(expected);
    expect(open).toHaveBeenCalledTimes(1);
    expect(first.isClosed).toBe(false);
    expect(backend.info.notes).toEqual(['webgpu: expected a GPU adapter, got none']);
  });

  it.each(['compile', 'write', 'finish'] as const)(
    'stays on the first runtime when %s of the candidate fails, with unchanged results',
    async (method) => {
      const { first, candidate, backend } = choice([2, 0]);
      const failure = new BackendError('webgpu: out of memory');
      vi.spyOn(candidate, method).mockImplementation(() => {
        throw failure;
      });
      expect(await trainLong(statefulTrainer(backend))).toEqual(expected);
      expect([first.isClosed, candidate.isClosed]).toEqual([false, true]);
      expect(backend.info.notes).toEqual([
        'auto: webgpu failed its trial (webgpu: out of memory): stays with wasm',
      ]);
    },
  );

  it('stays on the first runtime when the candidate fails in the middle of a run', async () => {
    const { candidate, backend } = choice([2, 0]);
    candidate.onRun = () => {
      if (candidate.runs.length === 2) throw new BackendError('webgpu: the device was lost');
    };
    expect(await trainLong(statefulTrainer(backend))).toEqual(expected);
    expect(backend.info.notes).toEqual([
      'auto: webgpu failed its trial (webgpu: the device was lost): stays with wasm',
    ]);
  });

  it('closes both runtimes when it is closed during the trial, and the run rejects', async () => {
    const { first, candidate, backend } = choice([2, 0]);
    let closing: Promise<void> | undefined;
    candidate.onRun = () => {
      closing ??= backend.runtime.close().then(() => {
        expect([first.isClosed, candidate.isClosed]).toEqual([true, true]);
      });
    };
    const fitting = statefulTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('reference: the backend is closed'));
    expect(closing).toBeDefined();
    await closing;
  });

  it('closes both runtimes when it is closed while the candidate is being opened', async () => {
    const { first, candidate, open, backend } = choice([2, 0]);
    open.mockImplementation(async () => {
      await backend.runtime.close();
      return candidate;
    });
    const fitting = statefulTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('reference: the backend is closed'));
    expect([first.isClosed, candidate.isClosed]).toEqual([true, true]);
  });

  it('rejects with the error of the first runtime when that runtime fails during the trial', async () => {
    const { first, candidate, backend } = choice([2, 0]);
    candidate.onRun = () => {
      vi.spyOn(first, 'read').mockRejectedValue(new BackendError('wasm: a thread failed'));
      vi.spyOn(first, 'write').mockImplementation(() => {
        throw new BackendError('wasm: a thread failed');
      });
    };
    const fitting = statefulTrainer(backend).fit(train, { epochs: 4 });
    await expect(fitting).rejects.toThrow(new BackendError('wasm: a thread failed'));
    expect(candidate.isClosed).toBe(true);
  });

  it('starts the trial on a run about as long as earlier ones, not on the last steps of an epoch', async () => {
    const { first, candidate, backend } = choice([2, 0]);
    const state = persistent('state', [4], 'int32');
    const step = new Step({ seed: 0, state, updatesStatistics: true });
    step.call(OPS.advance, { state }, { attributes: { batchSize: 8 } });
    const executable = await backend.runtime.compile(step);
    for (const times of [60, 20, 29]) await executable.run(times);
    expect(candidate.runs).toEqual([]);
    await executable.run(30);
    // A warm-up run and three timed runs, which are undone; then the requested run.
    expect(candidate.runs).toEqual([30, 30, 30, 30, 30]);
    expect(first.runs).toEqual([60, 20, 29, 30, 30, 30]);
    expect(await backend.runtime.read(state)).toEqual(Int32Array.of(139, 139, 8 * 139, 0));
  });

  it('gives nearly the same weights when the two runtimes round differently', async () => {
    const first = new PacedRuntime('wasm', 2, await createWasmRuntime({ threads: 1 }));
    const candidate: Candidate = {
      name: 'reference',
      open: async () => new ReferenceRuntime('float32'),
    };
    await using backend = new Backend(new AutoRuntime(first, candidate));
    const trainer = createTrainer(backend, { batchSize: 4 });
    await trainer.fit(train, { epochs: 3 });
    expect(backend.info.backend).toBe('reference');
    const want = createTrainer(alone(), { batchSize: 4 });
    await want.fit(train, { epochs: 3 });
    expectCloseState(await trainer.state(), await want.state(), { absolute: 1e-4 });
  });
});

describeWithGpu('AutoRuntime with a GPU', () => {
  it('gives nearly the same weights as the CPU', async () => {
    const real = performance.now.bind(performance);
    // Adds the first runtime's mocked time to the real time of both.
    vi.spyOn(performance, 'now').mockImplementation(() => real() + clock);
    // Far longer than a step of a GPU in software, also where other tests take most of the cores.
    const first = new PacedRuntime('wasm', 1000);
    const candidate: Candidate = { name: 'webgpu', open: () => createWebgpuRuntime() };
    await using backend = new Backend(new AutoRuntime(first, candidate));
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
  /** Stubs `navigator.gpu` of a browser whose only adapter has this description. */
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

  it('does not use an adapter that computes on the CPU', async () => {
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

  it('names the missing package in its notes when there is no WebGPU', async () => {
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
