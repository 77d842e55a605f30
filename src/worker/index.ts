/** `handgrad/worker`: the library in a worker, so that training never holds up the calling thread. */

import type { BackendInfo } from '../backends/runtime.js';
import type { Dataset, Splits } from '../data/dataset.js';
import type { LoadMnistOptions } from '../data/mnist.js';
import type { RegressionOptions } from '../data/synthetic/regression.js';
import type { SyntheticOptions } from '../data/synthetic/synthetic-digits.js';
import { TrainingError } from '../errors.js';
import { isOwned, own } from '../layers/parameters/ownership.js';
import type { BackendChoice, BackendOptions } from '../numerics/create-backend.js';
import { expectKind, expectMade, expectOptions } from '../options.js';
import { ASYNC_DISPOSE } from '../platform/async-dispose.js';
import { afterDrop } from '../platform/dropped.js';
import type { PlatformUrl } from '../platform/types.js';
import type { RecipeName } from '../recipe.js';
import type { RecipeOptions, RecipeResult } from '../train-recipe.js';
import { expectTrainerOptions, type TrainerOptions } from '../training/trainer-options.js';
import { Channel, isProxyOf } from './client/channel.js';
import { RemoteBackend, type WorkerBackend } from './client/remote-backend.js';
import { RemoteTrainer, type WorkerTrainer } from './client/remote-trainer.js';
import { LIBRARY, type TrainerAnswer } from './protocol.js';

export { transfer } from './client/sent-datasets.js';
export type { WorkerBackend, WorkerTrainer };

/** Options of `openWorker`. */
export interface WorkerOptions {
  /**
   * Absolute URLs of modules that the worker imports, such as `new URL('./layers.js', import.meta.url)`.
   * Each exports functions that make layers, losses, optimizers or schedules of your own: a description
   * `{ name, options }` is rebuilt by the function of that name, called with `options`. The worker imports
   * the file as it is, so a bundler must emit it as a file of its own, with everything that it imports.
   */
  readonly modules?: readonly (string | PlatformUrl)[] | undefined;
}

/** Options of `train` in a worker. */
export interface WorkerRecipeOptions extends Omit<RecipeOptions, 'backend'> {
  /** The backend to train on, of the same worker. It stays open. */
  readonly backend: WorkerBackend;
}

/** The result of `train` in a worker. */
export interface WorkerRecipeResult extends Omit<RecipeResult, 'trainer'> {
  /** The trained model. */
  readonly trainer: WorkerTrainer;
}

/** The library in a worker. Its functions are those of `handgrad` and `handgrad/data`. */
export interface WorkerLibrary {
  createBackend(choice?: BackendChoice, options?: BackendOptions): Promise<WorkerBackend>;
  /** `new Trainer(backend, options)`, with a backend of this worker. */
  readonly Trainer: new (
    backend: WorkerBackend,
    options: TrainerOptions,
  ) => WorkerTrainer;
  train(name: RecipeName, options: WorkerRecipeOptions): Promise<WorkerRecipeResult>;
  /** `loadMnist` with the worker's own `fetch`. */
  loadMnist(options?: Omit<LoadMnistOptions, 'fetch'>): Promise<Splits>;
  syntheticDigits(options?: SyntheticOptions): Promise<Splits>;
  noisyLine(options?: RegressionOptions): Promise<Dataset>;
  noisyParabola(options?: RegressionOptions): Promise<Dataset>;
  /** Ends the worker and its threads. Calls in progress reject. */
  close(): Promise<void>;
  [ASYNC_DISPOSE](): Promise<void>;
}

/**
 * Opens a worker with a copy of the library.
 *
 * Layers, losses, optimizers and schedules reach it as their descriptions. Callbacks are called in this
 * thread and awaited. A dataset is sent with the first call that uses it; arrays in shared memory are
 * shared, others are copied, or moved after `transfer`. The worker ends with the page, with the program, with
 * `close`, or when everything that `openWorker` returned has been dropped.
 *
 * @throws BackendError when no worker starts; TypeError for an unknown option or a relative URL; the error of
 *   a module that cannot be imported
 * @example
 *   const { createBackend, Trainer, close } = await openWorker();
 *   const backend = await createBackend('auto');
 *   const trainer = new Trainer(backend, { model, loss, optimizer, batchSize: 64 });
 *   await trainer.fit(train, { epochs: 5, onEpoch: show });
 *   await close();
 */
export async function openWorker(options: WorkerOptions = {}): Promise<WorkerLibrary> {
  expectOptions('openWorker', options, { modules: 'array' });
  const modules = (options.modules ?? []).map(absoluteUrl);
  const backends = new Map<number, WeakRef<RemoteBackend>>();
  const onInfo = (object: number, info: unknown) => {
    const backend = backends.get(object)?.deref();
    if (backend) backend.info = info as BackendInfo;
  };
  const channel = await Channel.open(onInfo);
  try {
    for (const url of modules) await channel.call(LIBRARY, 'import', [url]);
  } catch (error) {
    await channel.close();
    throw error;
  }
  return libraryOn(channel, backends);
}

/** A worker has another base URL than its page. */
function withAbsoluteUrls(options: LoadMnistOptions): LoadMnistOptions {
  const base = (globalThis as { document?: { baseURI: string } }).document?.baseURI;
  const { baseUrls } = options;
  if (base === undefined || !Array.isArray(baseUrls)) return options;
  return { ...options, baseUrls: baseUrls.map((url) => new URL(url, base).href) };
}

function absoluteUrl(url: string | PlatformUrl): string {
  try {
    return new URL(url).href;
  } catch {
    throw new TypeError(
      `openWorker: expected absolute URLs as modules, got ${JSON.stringify(url)}; ` +
        'use new URL(…, import.meta.url)',
    );
  }
}

function libraryOn(channel: Channel, backends: Map<number, WeakRef<RemoteBackend>>): WorkerLibrary {
  const call = (name: string, args: readonly unknown[]) => channel.call(LIBRARY, name, args);
  const data =
    (name: string) =>
    async (options: object = {}) =>
      (await call('data', [name, options])) as never;
  return {
    async createBackend(choice = 'auto', options = {}) {
      const { object, info } = (await call('createBackend', [choice, options])) as {
        object: number;
        info: BackendInfo;
      };
      const backend = new RemoteBackend(channel, object, info);
      backends.set(object, new WeakRef(backend));
      afterDrop(backend, () => backends.delete(object));
      return backend as unknown as WorkerBackend;
    },
    Trainer: class extends RemoteTrainer {
      constructor(backend: WorkerBackend, options: TrainerOptions) {
        expectWorkerBackend('Trainer', channel, backend);
        super(channel, ...created(channel, backend, options));
      }
    },
    async train(name, options) {
      expectKind('train', 'its options', options, 'object');
      expectWorkerBackend('train', channel, options.backend);
      const { trainer, ...results } = (await call('train', [name, options])) as Omit<
        RecipeResult,
        'trainer'
      > & { readonly trainer: TrainerAnswer };
      return { ...results, trainer: new RemoteTrainer(channel, trainer, Promise.resolve(trainer)) };
    },
    async loadMnist(options = {}) {
      if ('fetch' in options && options.fetch !== undefined) {
        throw new TypeError(
          'loadMnist: expected no fetch in a worker, got one; load the data with loadMnist of handgrad/data ' +
            'and pass them to the trainer',
        );
      }
      return (await call('data', ['loadMnist', withAbsoluteUrls(options)])) as Splits;
    },
    syntheticDigits: data('syntheticDigits'),
    noisyLine: data('noisyLine'),
    noisyParabola: data('noisyParabola'),
    close: () => channel.close(),
    [ASYNC_DISPOSE]: () => channel.close(),
  };
}

function expectWorkerBackend(operation: string, channel: Channel, backend: WorkerBackend): void {
  const kind = 'a backend of this worker, the result of its await createBackend(…)';
  expectMade(operation, 'its backend', backend, 'matmul', kind);
  if (isProxyOf(channel, backend)) return;
  const place = backend instanceof RemoteBackend ? 'another worker' : 'this thread';
  throw new TypeError(`${operation}: expected ${kind}, got one of ${place}`);
}

/** Checks the options of a trainer as `Trainer` does, and has the worker create it. */
function created(channel: Channel, backend: WorkerBackend, options: TrainerOptions) {
  expectTrainerOptions(options);
  const { model, loss, optimizer, ...rest } = options;
  if (isOwned(model)) {
    throw new TrainingError(
      'Trainer: expected a model of its own, got one that belongs to another trainer or model; build a new one',
    );
  }
  own(model);
  const described = {
    ...rest,
    model: model.description,
    loss: loss.description,
    optimizer: optimizer.description,
  };
  const { batchSize, seed = 0 } = options;
  const parameterCount = model.parameters.reduce((sum, { size }) => sum + size, 0);
  const answer = channel.call(LIBRARY, 'Trainer', [backend, described]) as Promise<TrainerAnswer>;
  return [{ batchSize, seed, parameterCount }, answer] as const;
}
