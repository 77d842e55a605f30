/* Memory of trainers on a backend: released by `close`, or by a finalizer; datasets are shared. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReferenceRuntime } from '../../../src/backends/reference.js';
import { touch } from '../../../src/data/fingerprint.js';
import {
  adam,
  BackendError,
  batchNorm2d,
  createBackend,
  flatten,
  linear,
  onImages,
  sequential,
  TrainingError,
} from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import type { Tensor, Values } from '../../../src/tensor.js';
import { describeOnEachBackend } from '../../backends.js';
import { expectSameBits } from '../../values.js';
import { blobs, createTrainer, expectSameState } from '../fixtures.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** The reference, which records the tensors that have memory. */
class CountingRuntime extends ReferenceRuntime {
  readonly held = new Set<Tensor>();
  /** Names of the tensors written, in order. */
  readonly written: string[] = [];

  constructor() {
    super('float32');
  }

  override write(tensor: Tensor, values: ArrayLike<number>): void {
    this.held.add(tensor);
    this.written.push(tensor.name);
    super.write(tensor, values);
  }

  override async read(tensor: Tensor): Promise<Values> {
    this.held.add(tensor);
    return super.read(tensor);
  }

  override async compile(step: Parameters<ReferenceRuntime['compile']>[0]) {
    const touched = step.calls.flatMap(({ tensors }) => Object.values(tensors));
    for (const tensor of touched) if (tensor.storage === 'persistent') this.held.add(tensor);
    return super.compile(step);
  }

  override release(tensors: Iterable<Tensor>): void {
    const all = [...tensors];
    for (const tensor of all) this.held.delete(tensor);
    super.release(all);
  }
}

function counting() {
  const runtime = new CountingRuntime();
  return { runtime, backend: new Backend(runtime) };
}

const train = blobs({ size: 50 });
const closed = (operation: string) =>
  new TrainingError(
    `${operation}: expected an open trainer, got one that was closed; create another one`,
  );

describe('trainer.close', () => {
  it('releases every tensor of a trainer that has used all of its methods', async () => {
    const { runtime, backend } = counting();
    const trainer = createTrainer(backend, {
      model: onImages(
        { channels: 1, height: 2, width: 2 },
        sequential(batchNorm2d(1), flatten(), linear(4, 3)),
      ),
      optimizer: adam({ learningRate: 1e-3 }),
      clipNorm: 1,
    });
    await trainer.fit(train, { epochs: 2, validationSplit: 0.2 });
    await trainer.evaluate(train, { confusion: true });
    await trainer.predict(train.inputs);
    await trainer.gradients(train.inputs, train.targets);
    await trainer.restore(await trainer.checkpoint());
    expect(runtime.held.size).toBeGreaterThan(20);
    await trainer.close();
    expect([...runtime.held].map(({ name }) => name)).toEqual([]);
  });

  it('keeps the other trainers of the backend, and the datasets that they use', async () => {
    const { runtime, backend } = counting();
    const [one, other] = [createTrainer(backend), createTrainer(backend)];
    await one.fit(train, { epochs: 1 });
    await other.fit(train, { epochs: 1 });
    const before = [await other.evaluate(train), await other.predict(train.inputs)];
    await one.close();
    expect([await other.evaluate(train), await other.predict(train.inputs)]).toEqual(before);
    expect(runtime.written.filter((name) => name === 'inputs')).toHaveLength(1 + 2);
    await other.close();
    expect(runtime.held.size).toBe(0);
  });

  it('refuses every later call, and may be called again', async () => {
    const trainer = createTrainer(counting().backend);
    const [state, checkpoint] = [await trainer.state(), await trainer.checkpoint()];
    const bytes = await trainer.encode();
    await Promise.all([trainer.close(), trainer.close()]);
    await trainer.close();
    await expect(trainer.fit(train, { epochs: 1 })).rejects.toThrow(closed('fit'));
    await expect(trainer.evaluate(train)).rejects.toThrow(closed('evaluate'));
    await expect(trainer.predict(train.inputs)).rejects.toThrow(closed('predict'));
    await expect(trainer.gradients([1, 2, 3, 4], [0])).rejects.toThrow(closed('gradients'));
    await expect(trainer.state()).rejects.toThrow(closed('state'));
    await expect(trainer.loadState(state)).rejects.toThrow(closed('loadState'));
    await expect(trainer.encode()).rejects.toThrow(closed('encode'));
    await expect(trainer.decode(bytes)).rejects.toThrow(closed('decode'));
    await expect(trainer.checkpoint()).rejects.toThrow(closed('checkpoint'));
    await expect(trainer.restore(checkpoint)).rejects.toThrow(closed('restore'));
  });

  it('ends a running fit with an error, also when a callback waits for it', async () => {
    const { runtime, backend } = counting();
    const trainer = createTrainer(backend);
    const fitting = trainer.fit(train, { epochs: 1000, onEpoch: () => trainer.close() });
    await expect(fitting).rejects.toThrow(closed('fit'));
    expect(runtime.held.size).toBe(0);
  });

  it('is called at the end of an await using block', async () => {
    const { runtime, backend } = counting();
    {
      await using trainer = createTrainer(backend);
      await trainer.evaluate(train);
    }
    expect(runtime.held.size).toBe(0);
  });

  it('is harmless after the backend was closed', async () => {
    const { backend } = counting();
    const trainer = createTrainer(backend);
    await trainer.evaluate(train);
    await backend.close();
    await trainer.close();
    const other = createTrainer(counting().backend);
    await other.close();
    await expect(trainer.state()).rejects.toThrow(closed('state'));
  });

  it('has a name for engines without Symbol.asyncDispose', async () => {
    const { asyncDispose, ...others } = Object.getOwnPropertyDescriptors(Symbol);
    expect(asyncDispose).toBeDefined();
    const create = Symbol;
    const old = (description?: string) => create(description);
    vi.stubGlobal('Symbol', Object.defineProperties(old, others));
    vi.resetModules();
    const { ASYNC_DISPOSE } = await import('../../../src/platform/async-dispose.js');
    vi.unstubAllGlobals();
    expect(ASYNC_DISPOSE).toBe(Symbol.for('Symbol.asyncDispose'));
  });
});

describe('datasets that trainers share', () => {
  it('are uploaded once, and again for all after a change', async () => {
    const { runtime, backend } = counting();
    const data = blobs({ size: 50 });
    const trainers = [createTrainer(backend), createTrainer(backend)];
    const uploads = () => runtime.written.filter((name) => name === 'labels').length;
    for (const trainer of trainers) await trainer.fit(data, { epochs: 1 });
    expect(uploads()).toBe(1);
    const old = await trainers[0].evaluate(data);
    data.inputs.fill(1);
    touch(data);
    const changed = await trainers[0].evaluate(data);
    expect(changed).not.toEqual(old);
    expect(await trainers[1].evaluate(data)).toEqual(changed);
    expect(uploads()).toBe(2);
  });

  it('may change their layout while another trainer still uses the old one', async () => {
    const { runtime, backend } = counting();
    const data = { ...blobs({ size: 50 }) };
    const [one, other] = [createTrainer(backend), createTrainer(backend)];
    await one.evaluate(data);
    await other.evaluate(data);
    const { inputs, targets } = blobs({ size: 20, seed: 1 });
    Object.assign(data, { size: 20, inputs, targets });
    const want = await createTrainer(counting().backend).evaluate(data);
    expect(await one.evaluate(data)).toEqual(want);
    expect(await other.evaluate(data)).toEqual(want);
    expect(runtime.written.filter((name) => name === 'labels')).toHaveLength(2);
    await one.close();
    await other.close();
    expect(runtime.held.size).toBe(0);
  });

  it('keep an order of their own for each trainer, during two runs at once', async () => {
    const { backend } = counting();
    const results = [];
    for (const together of [true, false]) {
      const trainers = [0, 1].map((seed) => createTrainer(backend, { seed, batchSize: 7 }));
      const runs = trainers.map((trainer) => () => trainer.fit(train, { epochs: 5, onStep() {} }));
      if (together) await Promise.all(runs.map((run) => run()));
      else for (const run of runs) await run();
      results.push(await Promise.all(trainers.map((trainer) => trainer.state())));
    }
    expectSameState(results[0][0], results[1][0]);
    expectSameState(results[0][1], results[1][1]);
  });
});

describeOnEachBackend('a closed trainer', (backend) => {
  it('leaves no trace in a new one', async () => {
    const states = [];
    for (let i = 0; i < 3; i++) {
      await using trainer = createTrainer(backend);
      await trainer.fit(train, { epochs: 2 });
      states.push((await trainer.state()).get('0.weight')?.data ?? []);
    }
    expectSameBits('second', states[1], states[0]);
    expectSameBits('third', states[2], states[0]);
  });
});

describe('backend.close', () => {
  it('waits for an evaluation of many chunks, and refuses later calls', async () => {
    const backend = await createBackend('wasm');
    const trainer = createTrainer(backend);
    const data = blobs({ size: 20_000 });
    const want = await trainer.evaluate(data);
    const evaluating = trainer.evaluate(data);
    const predicting = trainer.predict(data.inputs);
    const closing = backend.close();
    const refused = new BackendError('wasm: the backend is closed');
    await expect(trainer.evaluate(data)).rejects.toThrow(refused);
    await expect(backend.relu([1])).rejects.toThrow(refused);
    expect(await evaluating).toEqual(want);
    expect(await predicting).toHaveLength(60_000);
    await closing;
  });

  it('waits for a loss, which is two calls', async () => {
    const { backend } = counting();
    const losses = [
      backend.softmaxCrossEntropy([0, 0], [1], { classes: 2 }),
      backend.squaredError([1], [0]),
    ];
    await backend.close();
    const [cross, squared] = await Promise.all(losses);
    expect([cross.loss, squared.loss]).toEqual([expect.closeTo(Math.LN2, 6), 1]);
  });
});

/** Runs 1,000 trainers on one backend in a subprocess; prints the bytes of WebAssembly memory after 50 and 1,000. */
async function bytesAfter(close: boolean): Promise<number[]> {
  const program = `
    import { createBackend, linear, sequential, sgd, softmaxCrossEntropy, Trainer } from './dist/index.js';
    import { syntheticDigits } from './dist/data.js';
    let bytes = 0;
    const { grow } = WebAssembly.Memory.prototype;
    WebAssembly.Memory.prototype.grow = function (pages) {
      bytes += pages * 65536;
      return grow.call(this, pages);
    };
    const turn = () => new Promise((resolve) => setTimeout(resolve));
    const collect = async () => { for (let i = 0; i < 3; i++) { gc(); await turn(); } };
    const backend = await createBackend('wasm', { threads: 1 });
    const { train } = syntheticDigits({ trainSize: 40, testSize: 1 });
    const after = [];
    for (let i = 1; i <= 1000; i++) {
      const trainer = new Trainer(backend, {
        model: linear(784, 10),
        loss: softmaxCrossEntropy(),
        optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
        batchSize: 20,
      });
      await trainer.fit(train, { epochs: 1, validation: train });
      if (${close}) await trainer.close();
      else if (i % 25 === 0) await collect();
      if (i === 50 || i === 1000) after.push(bytes);
    }
    await backend.close();
    console.log(JSON.stringify(after));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--input-type=module', '--eval', program],
    { cwd: fileURLToPath(new URL('../../..', import.meta.url)), timeout: 100_000 },
  );
  return JSON.parse(stdout);
}

describe('memory after 1,000 trainers on one backend', () => {
  it('is that after 50 with close, without any collection', async () => {
    const [few, many] = await bytesAfter(true);
    expect(many).toBe(few);
  });

  it('is bounded without close, after forced collections', async () => {
    const [few, many] = await bytesAfter(false);
    // Each trainer takes 0.1 MiB, and there are 25 of them between two collections.
    expect(many).toBeLessThan(few + 5 * 2 ** 20);
  });
});
