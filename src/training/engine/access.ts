import { Gate } from '../../concurrency/gate.js';
import { ReadWriteLock } from '../../concurrency/read-write-lock.js';
import { BackendError } from '../../errors.js';
import type { Backend } from '../../numerics/backend.js';
import { closedTrainer } from '../closed-trainer.js';

/** Orders the requests of one trainer to its backend, and refuses them once the trainer is closed. */
export class Access {
  /** Number of requests that the backend has failed. */
  failures = 0;
  readonly #backend: Backend;
  readonly #weights = new ReadWriteLock();
  readonly #gate = new Gate();
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** @throws TrainingError after `close` was called */
  expectOpen(operation: string): void {
    if (this.#gate.isClosed) throw closedTrainer(operation);
  }

  /**
   * Runs an operation of the trainer; `close`, of the trainer or of the backend, waits for its end.
   *
   * @throws TrainingError or BackendError when the trainer or the backend is closed
   */
  async during<Result>(operation: string, task: () => Promise<Result>): Promise<Result> {
    this.expectOpen(operation);
    return this.#backend.keepOpen(() => this.#gate.enter(task));
  }

  /** Runs a task of several requests, between which no weight changes. */
  keeping<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#weights.read(task);
  }

  /** Makes a request that reads weights, when earlier requests have changed them. */
  reading<Result>(request: () => Promise<Result>): Promise<Result> {
    return this.#weights.read(() => this.exclusive(request));
  }

  /** Makes a request that changes weights, when tasks that read them have ended. */
  writing<Result>(request: () => Promise<Result>): Promise<Result> {
    return this.#weights.write(() => this.exclusive(request));
  }

  /** Makes a request that no other request to the backend disturbs. */
  exclusive<Result>(request: () => Promise<Result>): Promise<Result> {
    const answer = this.#backend.exclusive(() => {
      // Requests of `fit`, which `close` does not wait for.
      if (this.#isClosed) throw closedTrainer('fit');
      return request();
    });
    return this.counting(answer);
  }

  /** Awaits an answer of the backend, and counts its failure. */
  async counting<Result>(answer: Promise<Result>): Promise<Result> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof BackendError) this.failures++;
      throw error;
    }
  }

  /** Waits for the operations in progress, calls `release`, and refuses all later requests. */
  close(release: () => void): Promise<void> {
    this.#closing ??= this.#gate.close().then(() =>
      this.#backend.exclusive(async () => {
        this.#isClosed = true;
        release();
      }),
    );
    return this.#closing;
  }
}
