import type { Dataset } from '../../data/dataset.js';
import { TrainingError } from '../../errors.js';
import { ASYNC_DISPOSE } from '../../platform/async-dispose.js';
import { afterDrop, cancelAfterDrop } from '../../platform/dropped.js';
import { expectPath, expectPlace } from '../../platform/places.js';
import type { Bytes } from '../../platform/types.js';
import { closedTrainer } from '../../training/closed-trainer.js';
import type { Trainer } from '../../training/trainer.js';
import {
  type EvaluateOptions,
  expectEvaluateArguments,
  expectFitOptions,
  type FitOptions,
} from '../../training/trainer-options.js';
import type { TrainerAnswer } from '../protocol.js';
import { type Channel, registerProxy } from './channel.js';

/** A trainer in a worker, with the methods of `Trainer`. */
export interface WorkerTrainer
  extends Pick<
    Trainer,
    | 'batchSize'
    | 'checkpoint'
    | 'close'
    | 'decode'
    | 'encode'
    | 'evaluate'
    | 'fit'
    | 'gradients'
    | 'load'
    | 'loadState'
    | 'parameterCount'
    | 'pause'
    | 'predict'
    | 'restore'
    | 'resume'
    | 'save'
    | 'seed'
    | 'state'
  > {
  [ASYNC_DISPOSE](): Promise<void>;
}

/** The proxy of a trainer in a worker. */
export class RemoteTrainer implements WorkerTrainer {
  /** Keeps Vue from wrapping this object in a proxy, which cannot read private fields. */
  readonly __v_skip = true;
  readonly batchSize: number;
  readonly seed: number;
  readonly parameterCount: number;
  readonly #channel: Channel;
  /** The trainer's number, when the worker has created it. */
  readonly #object: Promise<number>;
  #isFitting = false;
  #closing: Promise<void> | undefined;

  /** @param answer settles when the worker has created the trainer */
  constructor(
    channel: Channel,
    { batchSize, seed, parameterCount }: Omit<TrainerAnswer, 'object'>,
    answer: Promise<TrainerAnswer>,
  ) {
    this.batchSize = batchSize;
    this.seed = seed;
    this.parameterCount = parameterCount;
    this.#channel = channel;
    this.#object = answer.then(({ object }) => object);
    const proxy = new WeakRef(this);
    this.#object.then(
      (object) => {
        const trainer = proxy.deref();
        if (!trainer) return channel.forget(object);
        registerProxy(trainer, channel, object);
        afterDrop(trainer, () => channel.forget(object));
      },
      // The first call rejects with the error.
      () => {},
    );
  }

  async fit(dataset: Dataset, options: FitOptions) {
    expectFitOptions(dataset, options);
    if (this.#isFitting) throw new TrainingError('fit: expected one run at a time, got a second');
    this.#isFitting = true;
    try {
      return await this.#call('fit', dataset, options);
    } finally {
      this.#isFitting = false;
    }
  }

  pause(): void {
    if (!this.#isFitting) {
      throw new TrainingError('pause: expected a run in progress, got none; call fit');
    }
    // The run may just have ended.
    this.#call('pause').catch(() => {});
  }

  resume(): void {
    this.#call('resume').catch(() => {});
  }

  async evaluate(dataset: Dataset, options: EvaluateOptions = {}) {
    expectEvaluateArguments(dataset, options);
    // biome-ignore lint/suspicious/noExplicitAny: overloads differ in the result alone
    return (await this.#call('evaluate', dataset, options)) as any;
  }

  predict(inputs: ArrayLike<number>) {
    return this.#call('predict', inputs);
  }

  gradients(inputs: ArrayLike<number>, targets: ArrayLike<number>) {
    return this.#call('gradients', inputs, targets);
  }

  state() {
    return this.#call('state');
  }

  loadState(state: Parameters<Trainer['loadState']>[0]) {
    return this.#call('loadState', state);
  }

  encode(): Promise<Bytes> {
    return this.#call('encode');
  }

  decode(bytes: Parameters<Trainer['decode']>[0], source?: string) {
    return this.#call('decode', bytes, source);
  }

  async save(place: Parameters<Trainer['save']>[0]) {
    expectPlace('save', place);
    const bytes = await this.encode();
    const { writeBytes } = await import('../../platform/files.js');
    await writeBytes(place, bytes);
  }

  async load(path: Parameters<Trainer['load']>[0]) {
    expectPath('load', path);
    const { readBytes } = await import('../../platform/files.js');
    await this.decode(await readBytes(path), String(path));
  }

  checkpoint() {
    return this.#call('checkpoint');
  }

  restore(checkpoint: Parameters<Trainer['restore']>[0]) {
    return this.#call('restore', checkpoint);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    cancelAfterDrop(this);
    const object = await this.#object.catch(() => undefined);
    if (object === undefined || this.#channel.hasEnded) return;
    await this.#channel.call(object, 'close', []);
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  async #call<Method extends string & keyof WorkerTrainer>(
    method: Method,
    ...args: readonly unknown[]
  ): Promise<
    WorkerTrainer[Method] extends (...args: never) => infer Result ? Awaited<Result> : never
  > {
    if (this.#closing) throw closedTrainer(method);
    return (await this.#channel.call(await this.#object, method, args)) as never;
  }
}
