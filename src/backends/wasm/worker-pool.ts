import { orTimeout } from '../../concurrency/promises.js';
import type { ThreadSetup, ThreadWorker } from './thread-worker.js';

type Setup = Omit<ThreadSetup, 'number' | 'count'>;

/** How long the reason for a failure is awaited. */
const REASON_TIMEOUT_MS = 500;

/** Why the pool can no longer run: the first reason, which waiters receive. */
class Failure {
  reason: string | undefined;
  readonly #waiters: (() => void)[] = [];

  set(reason: string): void {
    this.reason ??= reason;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** Resolves when there is a reason, or after `REASON_TIMEOUT_MS`. */
  wait(): Promise<void> {
    if (this.reason !== undefined) return Promise.resolve();
    return orTimeout(new Promise((resolve) => this.#waiters.push(resolve)), REASON_TIMEOUT_MS);
  }
}

/** The workers; the caller's own thread is thread 0. Between runs, workers wait inside the core. */
export class WorkerPool {
  readonly #workers: readonly ThreadWorker[];
  readonly #failure: Failure;
  /** Makes all threads leave the core. */
  readonly #leave: () => void;
  #closing: Promise<boolean> | undefined;

  private constructor(workers: readonly ThreadWorker[], failure: Failure, leave: () => void) {
    this.#workers = workers;
    this.#failure = failure;
    this.#leave = leave;
  }

  /**
   * Starts `count` − 1 workers and waits until all are ready.
   *
   * @param leave makes all threads leave the core
   * @throws BackendError when one does not start
   */
  static async start(count: number, setup: Setup, leave: () => void): Promise<WorkerPool> {
    const failure = new Failure();
    if (count === 1) return new WorkerPool([], failure, leave);
    // Programs on one thread do not load it.
    const { startThread } = await import('./thread-worker.js');
    const starting = Array.from({ length: count - 1 }, (_, i) =>
      startThread({ ...setup, number: i + 1, count }, (reason) => failure.set(reason)),
    );
    const results = await Promise.allSettled(starting);
    const workers = results.flatMap((result) =>
      result.status === 'fulfilled' ? result.value : [],
    );
    const refusal = results.find((result) => result.status === 'rejected');
    const pool = new WorkerPool(workers, failure, leave);
    if (refusal) {
      await pool.close();
      throw refusal.reason;
    }
    return pool;
  }

  /** Why the pool can no longer run; undefined while it can. */
  get failure(): string | undefined {
    return this.#failure.reason;
  }

  /** Whether no worker has ended, also while the event loop, which reports failures, stands still. */
  get isAlive(): boolean {
    return this.failure === undefined && this.#workers.every((worker) => worker.isAlive());
  }

  /**
   * Ends the workers after a run that did not finish, so that none writes to the memory any more.
   *
   * @param known the reason, if this thread failed; those of workers arrive as events
   * @returns the reason
   */
  async closeAfterFailure(known?: string): Promise<string> {
    this.#leave();
    if (known === undefined) await this.#failure.wait();
    else this.#failure.set(known);
    this.#failure.set('no answer');
    await this.close();
    return this.#failure.reason as string;
  }

  /**
   * Ends the workers.
   *
   * @returns whether all of them have certainly stopped using the memory
   */
  close(): Promise<boolean> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<boolean> {
    this.#leave();
    const ended = await Promise.all(this.#workers.map((worker) => worker.terminate()));
    return ended.every(Boolean);
  }
}
