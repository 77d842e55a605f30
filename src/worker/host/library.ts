import type { BackendInfo } from '../../backends/runtime.js';
import { loadMnist } from '../../data/mnist.js';
import { noisyLine, noisyParabola } from '../../data/synthetic/regression.js';
import { syntheticDigits } from '../../data/synthetic/synthetic-digits.js';
import { addBuilders, type Description } from '../../description.js';
import { BackendError } from '../../errors.js';
import { layerFrom } from '../../layers/from-description.js';
import type { Backend } from '../../numerics/backend.js';
import {
  type BackendChoice,
  type BackendOptions,
  createBackend,
} from '../../numerics/create-backend.js';
import type { RecipeName } from '../../recipe.js';
import { type RecipeOptions, train } from '../../train-recipe.js';
import { lossFrom } from '../../training/losses/from-description.js';
import { optimizerFrom } from '../../training/optimizers/from-description.js';
import { Trainer } from '../../training/trainer.js';
import type { TrainerOptions } from '../../training/trainer-options.js';
import type { TrainerAnswer } from '../protocol.js';

/** Functions that make data. */
const DATA = { loadMnist, noisyLine, noisyParabola, syntheticDigits };

/** The options of a trainer, with descriptions in place of layers and functions. */
type DescribedOptions = Omit<TrainerOptions, 'model' | 'loss' | 'optimizer'> & {
  readonly [Name in 'model' | 'loss' | 'optimizer']: Description;
};

/** The library's functions, and the backends and trainers that clients hold, by number. */
export class Library {
  readonly #objects = new Map<number, Backend | Trainer>();
  /** The info of each backend that the client has, as JSON. */
  readonly #infos = new Map<number, string>();
  readonly #onInfo: (object: number, info: BackendInfo) => void;
  #count = 0;

  /** @param onInfo called when the info of a backend has changed */
  constructor(onInfo: (object: number, info: BackendInfo) => void) {
    this.#onInfo = onInfo;
  }

  object(number: number): Backend | Trainer {
    const object = this.#objects.get(number);
    if (!object)
      throw new BackendError('worker: expected an open backend or trainer, got a closed one');
    return object;
  }

  forget(number: number): void {
    const object = this.#objects.get(number);
    this.#objects.delete(number);
    this.#infos.delete(number);
    object?.close().catch(() => {});
  }

  /** Calls a function of the library. */
  async call(name: string, args: readonly unknown[]): Promise<unknown> {
    switch (name) {
      case 'createBackend': {
        const [choice, options] = args as [BackendChoice, BackendOptions];
        const backend = await createBackend(choice, options);
        const object = this.#add(backend);
        this.#infos.set(object, JSON.stringify(backend.info));
        return { object, info: backend.info };
      }
      case 'Trainer': {
        const [backend, { model, loss, optimizer, ...options }] = args as [
          Backend,
          DescribedOptions,
        ];
        const trainer = new Trainer(backend, {
          ...options,
          model: layerFrom(model),
          loss: lossFrom(loss),
          optimizer: optimizerFrom(optimizer),
        });
        return this.#answer(trainer);
      }
      case 'train': {
        const [recipe, options] = args as [RecipeName, RecipeOptions];
        const { trainer, ...results } = await train(recipe, options);
        return { trainer: this.#answer(trainer), ...results };
      }
      case 'import': {
        const [url] = args as [string];
        addBuilders(await import(/* webpackIgnore: true */ /* @vite-ignore */ url));
        return undefined;
      }
      case 'data': {
        const [name, options] = args as [keyof typeof DATA, object];
        return DATA[name](options);
      }
      default:
        throw new TypeError(`worker: expected a function of the library, got ${name}`);
    }
  }

  /** Calls a method of a backend or trainer. */
  async callOn(number: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const object = this.object(number) as unknown as Record<
      string,
      (...args: readonly unknown[]) => unknown
    >;
    const result = await object[method](...args);
    if (method === 'close') this.forget(number);
    return result;
  }

  /** Reports backends whose info has changed, such as by a decision of `auto`. */
  reportChanges(): void {
    for (const [object, before] of this.#infos) {
      const { info } = this.#objects.get(object) as Backend;
      const now = JSON.stringify(info);
      if (now === before) continue;
      this.#infos.set(object, now);
      this.#onInfo(object, info);
    }
  }

  #add(object: Backend | Trainer): number {
    this.#objects.set(++this.#count, object);
    return this.#count;
  }

  #answer(trainer: Trainer): TrainerAnswer {
    const { batchSize, seed, parameterCount } = trainer;
    return { object: this.#add(trainer), batchSize, seed, parameterCount };
  }
}
