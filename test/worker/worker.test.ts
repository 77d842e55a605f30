/* `handgrad/worker` does what the library does in its own thread, with the same bits and errors. */
import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { syntheticDigits, touch } from '../../src/data/index.js';
import {
  BackendError,
  type Checkpoint,
  createBackend,
  DataError,
  type Dataset,
  layerFrom,
  linear,
  RECIPES,
  relu,
  ShapeError,
  type State,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
  TrainingError,
  train,
} from '../../src/index.js';
import { openWorker, transfer } from '../../src/worker/index.js';
import { temporaryFolder } from '../data/idx-bytes.js';
import { blobs, expectSameState, plane } from '../training/fixtures.js';
import { falling, square } from './own-layers.mjs';

const library = await openWorker({ modules: [new URL('./own-layers.mjs', import.meta.url)] });
const backend = await library.createBackend('wasm', { threads: 1 });
const here = await createBackend('wasm', { threads: 1 });
const data = blobs({ size: 402 });

afterAll(() => library.close());

const options = (seed = 0) => ({
  model: sequential(linear(4, 8), relu(), linear(8, 3)),
  loss: softmaxCrossEntropy(),
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  batchSize: 4,
  seed,
});

/** The same trainer in the worker and in this thread. */
function pair(seed = 0) {
  const [there, alone] = [options(seed), options(seed)];
  return [new library.Trainer(backend, there), new Trainer(here, alone)] as const;
}

function cyclic(): Error {
  const error: Error & { cause?: unknown } = new Error('mine');
  error.cause = error;
  return error;
}

describe('a trainer in a worker', () => {
  it('trains, evaluates and predicts with the same bits', async () => {
    const results = [];
    for (const trainer of pair()) {
      const records: unknown[] = [];
      const history = await trainer.fit(data, {
        epochs: 3,
        validation: blobs({ size: 50, seed: 1 }),
        onEpoch: ({ seconds: _, ...record }) => void records.push(record),
      });
      results.push({
        records,
        examples: history.examples,
        evaluation: await trainer.evaluate(data, { confusion: true }),
        predictions: await trainer.predict(data.inputs),
        gradients: await trainer.gradients(data.inputs, data.targets),
        bytes: await trainer.encode(),
        batchSize: trainer.batchSize,
        seed: trainer.seed,
        parameterCount: trainer.parameterCount,
      });
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0].records).toHaveLength(3);
  });

  it('stops when a callback returns false, and waits for one that is slow', async () => {
    const [trainer] = pair();
    let isWaiting = false;
    const { epochs, stoppedBy } = await trainer.fit(data, {
      epochs: 10,
      onEpoch: async ({ epoch }) => {
        expect(isWaiting).toBe(false);
        isWaiting = true;
        await new Promise((resolve) => setTimeout(resolve, 20));
        isWaiting = false;
        return epoch < 3;
      },
    });
    expect(epochs).toHaveLength(3);
    expect(stoppedBy).toBe('onEpoch');
  });

  it('loads weights within a callback', async () => {
    const states: State[] = [];
    const weights = await pair(7)[1].state();
    for (const trainer of pair()) {
      await trainer.fit(data, {
        epochs: 2,
        onEpoch: ({ epoch }) => (epoch === 1 ? trainer.loadState(weights) : undefined),
      });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });

  it('sees changes of its data that a callback makes', async () => {
    const states: State[] = [];
    for (const trainer of pair()) {
      const own = {
        ...data,
        inputs: Float32Array.from(data.inputs),
        targets: data.targets.slice(),
      };
      await trainer.fit(own, {
        epochs: 3,
        onEpoch: () => {
          own.inputs.forEach((x, i) => {
            own.inputs[i] = -x;
          });
          touch(own);
        },
      });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });

  it('sends a dataset once, and again only what has changed in it', async () => {
    const [trainer] = pair();
    const own = { ...data, inputs: Float32Array.from(data.inputs) };
    const { loss } = await trainer.evaluate(own);
    const sent = vi.spyOn(Worker.prototype, 'postMessage');
    const types = () => sent.mock.calls.map(([message]) => message.type);
    expect((await trainer.evaluate(own)).loss).toBe(loss);
    await trainer.fit(own, { epochs: 2, validation: own, onEpoch: () => {} });
    expect(types()).not.toContain('dataset');
    expect(types()).not.toContain('change');
    own.inputs.fill(0);
    expect((await trainer.evaluate(own)).loss).not.toBe(loss);
    expect(types().filter((type) => type === 'change')).toHaveLength(1);
    expect(types()).not.toContain('dataset');
    sent.mockRestore();
  });

  it('sees changes of arrays that are wrapped again, and of plain arrays', async () => {
    const results: unknown[] = [];
    for (const trainer of pair()) {
      const plain = { inputs: [...data.inputs], targets: [...data.targets] };
      const wrap = () => ({ ...data, ...plain }) as unknown as Dataset;
      const negate = () => {
        plain.inputs.splice(0, plain.inputs.length, ...plain.inputs.map((x) => -x));
      };
      results.push(await trainer.evaluate(wrap()));
      const wrapped = wrap();
      await trainer.fit(wrapped, {
        epochs: 3,
        onEpoch: () => {
          negate();
          touch(wrapped);
        },
      });
      negate();
      results.push(await trainer.evaluate(wrap()), await trainer.encode());
    }
    expect(results.slice(0, 3)).toEqual(results.slice(3));
  });

  it('sends the part of a larger array alone, and does not move the rest', async () => {
    const [trainer, alone] = pair();
    const inputs = Float32Array.from(data.inputs);
    const part = {
      ...data,
      size: 100,
      inputs: inputs.subarray(0, 400),
      targets: data.targets.slice(0, 100),
    };
    const expected = await alone.evaluate(part);
    const sent = vi.spyOn(Worker.prototype, 'postMessage');
    expect(await trainer.evaluate(transfer(part))).toEqual(expected);
    await trainer.predict(inputs.subarray(0, 4));
    const messages = sent.mock.calls.map(([message]) => message);
    sent.mockRestore();
    expect(inputs).toHaveLength(data.inputs.length);
    const dataset = messages.find(({ type }) => type === 'dataset').dataset;
    const predict = messages.find(({ method }) => method === 'predict');
    expect(dataset.inputs.buffer.byteLength).toBe(1600);
    expect(predict.args[0].buffer.byteLength).toBe(16);
    part.inputs.fill(0.5);
    expect(await trainer.evaluate(part)).toEqual(await alone.evaluate(part));
  });

  it('sends the parts of larger arrays in a state without the rest', async () => {
    const [trainer] = pair();
    const large = new Float32Array(1_000_000);
    const state = new Map(
      [...(await trainer.state())].map(([name, { shape, data: values }]) => {
        large.set(values, 10);
        return [name, { shape, data: large.subarray(10, 10 + values.length) }];
      }),
    );
    const sent = vi.spyOn(Worker.prototype, 'postMessage');
    await trainer.loadState(state);
    const [message] = sent.mock.calls.map(([each]) => each).filter(({ type }) => type === 'call');
    sent.mockRestore();
    const [given] = message.args as readonly [State];
    expect(given.size).toBe(4);
    for (const { data: values } of given.values()) {
      expect(values.buffer.byteLength).toBe(values.byteLength);
    }
  });

  it('copies plain arrays after transfer', async () => {
    const [trainer, alone] = pair();
    const arrays = { inputs: [...data.inputs], targets: data.targets.slice() };
    const plain = { ...data, ...arrays } as unknown as Dataset;
    const expected = await alone.evaluate(data);
    expect(await trainer.evaluate(transfer(plain))).toEqual(expected);
    expect(await trainer.evaluate(plain)).toEqual(expected);
    expect(plain.inputs).toHaveLength(data.inputs.length);
    arrays.inputs.fill(0.5);
    expect(await trainer.evaluate(plain)).toEqual(await alone.evaluate(plain));
  });

  it('refuses arrays that were moved before, each time', async () => {
    const [trainer] = pair();
    const own = { ...data, inputs: Float32Array.from(data.inputs) };
    await trainer.evaluate(transfer({ ...own, targets: data.targets.slice() }));
    for (let i = 0; i < 2; i++) await expect(trainer.evaluate(own)).rejects.toThrow();
  });

  it('shares arrays in shared memory', async () => {
    const [trainer, alone] = pair();
    const shared = new Float32Array(new SharedArrayBuffer(4 * data.inputs.length));
    shared.set(data.inputs);
    const targets = new Int32Array(new SharedArrayBuffer(4 * data.size));
    targets.set(data.targets);
    const own: Dataset = { ...data, inputs: shared, targets };
    expect(await trainer.evaluate(own)).toEqual(await alone.evaluate(data));
    shared.fill(0.5);
    expect((await trainer.evaluate(own)).loss).toBe((await alone.evaluate(own)).loss);
  });

  it('moves the arrays of a dataset after transfer, and knows it from then on', async () => {
    const [trainer, alone] = pair();
    const own = { ...data, inputs: Float32Array.from(data.inputs), targets: data.targets.slice() };
    const { loss } = await alone.evaluate(data);
    expect((await trainer.evaluate(transfer(own))).loss).toBe(loss);
    expect(own.inputs).toHaveLength(0);
    expect((await trainer.evaluate(own)).loss).toBe(loss);
  });

  it('stops at a signal', async () => {
    const [trainer] = pair();
    const controller = new AbortController();
    const { stoppedBy } = await trainer.fit(data, {
      epochs: 1e6,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(stoppedBy).toBe('signal');
    const again = await trainer.fit(data, { epochs: 2, signal: AbortSignal.abort() });
    expect(again.epochs).toHaveLength(0);
  });

  it('pauses and resumes', async () => {
    const [trainer] = pair();
    expect(() => trainer.pause()).toThrow(TrainingError);
    let epochs = 0;
    const fitting = trainer.fit(data, { epochs: 20, onEpoch: () => void epochs++ });
    trainer.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = epochs;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(epochs).toBe(before);
    expect(before).toBeLessThan(20);
    trainer.resume();
    expect((await fitting).epochs).toHaveLength(20);
  });

  it('continues from a checkpoint of the other thread', async () => {
    const [there, alone] = pair();
    let checkpoint: Checkpoint | undefined;
    await there.fit(data, {
      epochs: 4,
      onEpoch: async ({ epoch }) => {
        if (epoch === 2) checkpoint = await there.checkpoint();
      },
    });
    await alone.restore(checkpoint as Checkpoint);
    await alone.fit(data, { epochs: 4, resume: true });
    expectSameState(await alone.state(), await there.state());
  });

  it('takes a schedule of a module of the program', async () => {
    const states: State[] = [];
    for (const [make, on] of [
      [library.Trainer, backend],
      [Trainer, here],
    ] as const) {
      // Names of options that the messages use as well.
      const names = { callback: 0, dataset: 1, object: 1, signal: 1, path: [], handle: {} };
      const learningRate = falling({ rate: 0.5, ...names });
      const trainer = new (make as typeof Trainer)(on as never, {
        ...options(),
        optimizer: sgd({ learningRate }),
      });
      await trainer.fit(data, { epochs: 1 });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });
});

describe('a layer of a module of the program', () => {
  it('has parameters, and trains with the same bits', async () => {
    const states: State[] = [];
    const model = () => sequential(square({ features: 4 }), relu(), linear(4, 3));
    for (const [make, on] of [
      [library.Trainer, backend],
      [Trainer, here],
    ] as const) {
      const trainer = new (make as typeof Trainer)(on as never, { ...options(), model: model() });
      await trainer.fit(data, { epochs: 1 });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });

  it('is refused where its forward returns no y and backward', async () => {
    const broken = { ...relu(), forward: () => undefined as never };
    const trainer = new Trainer(here, { ...options(), model: sequential(linear(4, 3), broken) });
    await expect(trainer.fit(data, { epochs: 1 })).rejects.toThrow(
      'layer 1, relu(): expected forward to return { y, backward }, got undefined',
    );
  });
});

describe('errors', () => {
  it('keep their class and message', async () => {
    const [trainer, alone] = pair();
    const wrong = plane({ size: 10 });
    const attempts: ((each: typeof trainer | typeof alone) => Promise<unknown>)[] = [
      (each) => each.predict([1, 2, 3]),
      (each) => each.fit(wrong, { epochs: 1 }),
      (each) => each.fit(data, { epochs: 0 }),
      (each) => each.fit(data, { epoch: 1 } as never),
      (each) => each.evaluate({} as Dataset),
      (each) => each.loadState(new Map()),
      (each) => each.decode(new Uint8Array(3)),
      (each) => each.restore({ tensors: new Map(), metadata: {} } as never),
      (each) => each.fit({ ...data, targets: new Int32Array(402).fill(9) }, { epochs: 1 }),
      (each) => each.save(new URL('https://example.org/') as never),
    ];
    const classes = new Set<unknown>();
    for (const attempt of attempts) {
      const [got, want] = await Promise.all(
        [trainer, alone].map((each) => attempt(each).catch((error: unknown) => error)),
      );
      expect(want).toBeInstanceOf(Error);
      expect(String(got)).toBe(String(want));
      expect((got as Error).constructor).toBe((want as Error).constructor);
      classes.add((want as Error).constructor);
    }
    expect(classes).toContain(ShapeError);
    expect(classes).toContain(DataError);
    expect(classes).toContain(TypeError);
  });

  it('of callbacks are the same objects', async () => {
    const [trainer] = pair();
    const failure = Object.assign(new RangeError('mine'), { code: 7 });
    const fitting = trainer.fit(data, {
      epochs: 1,
      onEpoch: () => {
        throw failure;
      },
    });
    expect(await fitting.catch((error: unknown) => error)).toBe(failure);
    const thrown = trainer.fit(data, { epochs: 1, onEpoch: () => Promise.reject('text') });
    expect(await thrown.catch((error: unknown) => error)).toBe('text');
    await trainer.close();
    await trainer.close();
  });

  it.each([
    ['an error that is its own cause', cyclic()],
    ['an object without methods', Object.create(null)],
    ['an error whose message is a function', Object.assign(new Error(), { message: () => 1 })],
  ])('of callbacks and signals may be %s', async (_, thrown) => {
    const [trainer] = pair();
    const onEpoch = () => {
      throw thrown;
    };
    const reasonOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
    expect(await reasonOf(trainer.fit(data, { epochs: 1, onEpoch }))).toBe(thrown);
    const controller = new AbortController();
    const loading = library.loadMnist({ signal: controller.signal, directory: '/nowhere' });
    controller.abort(thrown);
    await reasonOf(loading);
    const signal = AbortSignal.abort(thrown);
    expect(await reasonOf(library.loadMnist({ signal }))).toBe(thrown);
  });

  it('do not arise from options of a class', async () => {
    class Options {
      epochs = 2;
      onEpoch = () => void seen++;
    }
    const [trainer] = pair();
    let seen = 0;
    await trainer.fit(data, new Options());
    expect(seen).toBe(2);
  });

  it('of the constructor are thrown by it, those of the model by the first call', async () => {
    expect(() => new library.Trainer(backend, { ...options(), lr: 1 } as never)).toThrow(TypeError);
    expect(() => new library.Trainer(here as never, options())).toThrow(
      'expected a backend of this worker, the result of its await createBackend(…), got one of this thread',
    );
    const { model, ...rest } = options();
    const trainer = new library.Trainer(backend, { ...rest, model });
    expect(() => new library.Trainer(backend, { ...rest, model })).toThrow(TrainingError);
    await trainer.close();
    const unknown = layerFrom(relu().description);
    Object.assign(unknown, { description: { name: 'mine', options: {} } });
    const failing = new library.Trainer(backend, { ...rest, model: sequential(unknown) });
    await expect(failing.predict([1, 2, 3, 4])).rejects.toThrow(
      /^description: expected layer to be one of .*, got mine/,
    );
    await failing.close();
  });

  it('refuse a backend of another worker', async () => {
    await using other = await openWorker();
    const its = await other.createBackend('wasm', { threads: 1 });
    const refused =
      'expected a backend of this worker, the result of its await createBackend(…), got one of another worker';
    expect(() => new library.Trainer(its, options())).toThrow(refused);
    await expect(library.train('line', { backend: its })).rejects.toThrow(refused);
  });

  it('of sending data that a callback moved away end the run', async () => {
    await using other = await openWorker();
    const own = { ...data, inputs: Float32Array.from(data.inputs), targets: data.targets.slice() };
    const its = await other.createBackend('wasm', { threads: 1 });
    const [trainer] = pair();
    const elsewhere = new other.Trainer(its, options());
    const fitting = trainer.fit(own, {
      epochs: 3,
      onEpoch: async () => void (await elsewhere.evaluate(transfer({ ...own }))),
    });
    await expect(fitting).rejects.toThrow();
  });

  it('are the reasons of aborted signals', async () => {
    const folder = await temporaryFolder();
    const controller = new AbortController();
    const late = { not: 'an error' };
    // A server that never answers.
    const server = createServer(() => controller.abort(late)).listen(0);
    const { port } = server.address() as { port: number };
    const where = { cacheDirectory: folder, baseUrls: [`http://localhost:${port}`] };
    vi.stubEnv('HANDGRAD_MNIST', undefined);
    await using other = await openWorker();
    vi.unstubAllEnvs();
    const reasonOf = (signal: AbortSignal) =>
      other.loadMnist({ ...where, signal }).catch((error: unknown) => error);
    const early = new RangeError('too early');
    expect(await reasonOf(AbortSignal.abort(early))).toBe(early);
    expect(await reasonOf(controller.signal)).toBe(late);
    server.closeAllConnections();
    server.close();
  });

  it('of arguments that cannot travel leave nothing behind', async () => {
    const [trainer] = pair();
    const { signal } = new AbortController();
    const detached = { ...data, inputs: Float32Array.from(data.inputs) };
    structuredClone(detached.inputs, { transfer: [detached.inputs.buffer as ArrayBuffer] });
    await expect(trainer.fit(detached, { epochs: 1, signal })).rejects.toThrow();
    await expect(trainer.fit(data, { epochs: 1, signal, validation: detached })).rejects.toThrow();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await trainer.fit(data, { epochs: 1, signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('refuse a fetch of the program, and relative URLs of modules', async () => {
    await expect(library.loadMnist({ fetch } as never)).rejects.toThrow(
      /^loadMnist: expected no fetch in a worker, got one/,
    );
    await expect(openWorker({ modules: ['./own-layers.mjs'] })).rejects.toThrow(
      'openWorker: expected absolute URLs as modules, got "./own-layers.mjs"; ' +
        'use new URL(…, import.meta.url)',
    );
  });

  it('name a module that cannot be imported', async () => {
    await expect(openWorker({ modules: ['file:///nowhere/layers.mjs'] })).rejects.toThrow(
      /nowhere\/layers\.mjs/,
    );
    await expect(openWorker({ module: 'x' } as never)).rejects.toThrow(TypeError);
  });
});

describe('a backend in a worker', () => {
  it('has the single ops', async () => {
    expect(backend.info).toEqual(here.info);
    expect(await backend.relu([-1, 2])).toEqual(await here.relu([-1, 2]));
    const sizes = { m: 1, k: 2, n: 1 };
    expect(await backend.matmul([1, 2], [3, 4], sizes as never)).toEqual(
      await here.matmul([1, 2], [3, 4], sizes as never),
    );
    await expect(backend.relu('x' as never)).rejects.toThrow(
      "relu: expected x to be an array of numbers, got 'x'",
    );
  });

  it('tells the decision of auto', async () => {
    const auto = await library.createBackend('auto', { threads: 1 });
    expect(auto.info.notes.join()).toMatch(/auto: starts on wasm|webgpu: expected/);
    await auto.close();
    await auto.close();
    await expect(auto.relu([1])).rejects.toThrow(BackendError);
  });
});

describe('train in a worker', () => {
  it('trains a recipe with the same bits', async () => {
    const digits = syntheticDigits({ trainSize: 200, testSize: 50 });
    const settings = { data: digits, epochs: 1 };
    const there = await library.train('softmax', { ...settings, backend });
    const alone = await train('softmax', { ...settings, backend: here });
    expect(there.evaluation).toEqual(alone.evaluation);
    expectSameState(await there.trainer.state(), await alone.trainer.state());
    expect(there.trainer.batchSize).toBe(RECIPES.softmax.batchSize);
  });

  it('makes the same data', async () => {
    const sizes = { trainSize: 30, testSize: 10, seed: 3 };
    expect(await library.syntheticDigits(sizes)).toEqual(syntheticDigits(sizes));
    expect((await library.noisyLine({ size: 5 })).inputs).toHaveLength(5);
    await expect(library.syntheticDigits({ trainSize: 0 })).rejects.toThrow(DataError);
  });
});

describe('a worker that is not closed', () => {
  setFlagsFromString('--expose-gc');
  const collect = async () => {
    for (let i = 0; i < 5; i++) {
      runInNewContext('gc')();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it('runs on while a part of it is used, and ends when none is', async () => {
    const terminated = vi.spyOn(Worker.prototype, 'terminate');
    const use = async () => {
      // The object that openWorker returns is dropped here.
      const { createBackend: create, Trainer: Its } = await openWorker();
      // Attempts to start one may have failed.
      terminated.mockClear();
      const trainer = new Its(await create('wasm', { threads: 1 }), options());
      const fitting = trainer.fit(data, { epochs: 3, onEpoch: collect });
      await collect();
      expect((await fitting).epochs).toHaveLength(3);
      await collect();
      expect(await trainer.predict(data.inputs)).toHaveLength(3 * data.size);
    };
    await use();
    expect(terminated).not.toHaveBeenCalled();
    for (let i = 0; i < 50 && terminated.mock.calls.length === 0; i++) await collect();
    expect(terminated).toHaveBeenCalledTimes(1);
    terminated.mockRestore();
  });
});

describe('close', () => {
  it('of a trainer refuses later calls as a trainer of this thread does', async () => {
    const messages: string[] = [];
    for (const trainer of pair()) {
      await trainer.close();
      await trainer.close();
      const calls = [
        trainer.predict([1, 2, 3, 4]),
        trainer.fit(data, { epochs: 1 }),
        trainer.state(),
      ];
      for (const call of calls) {
        messages.push(
          await call.then(
            () => 'none',
            (error: TrainingError) => `${error.name}: ${error.message}`,
          ),
        );
      }
    }
    expect(messages.slice(0, 3)).toEqual(messages.slice(3));
    expect(messages[0]).toMatch(/^TrainingError: predict: expected an open trainer/);
  });

  it('ends the worker, and rejects what is in progress and what comes later', async () => {
    const own = await openWorker();
    const its = await own.createBackend('wasm', { threads: 2 });
    const trainer = new own.Trainer(its, options());
    const fitting = trainer.fit(data, { epochs: 1e6 });
    const ending = expect(fitting).rejects.toThrow(
      'expected the worker to run, got its end: the library was closed',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    await own.close();
    await ending;
    await expect(trainer.state()).rejects.toThrow(BackendError);
    // What was in the worker has ended with it.
    await trainer.close();
    await its.close();
    await own.close();
  });
});
