/// <reference lib="esnext.disposable" preserve="true" />

import type { BackendInfo, Runtime } from '../backends/runtime.js';
import { Gate } from '../concurrency/gate.js';
import { Mutex } from '../concurrency/mutex.js';
import { BackendError } from '../errors.js';
import { expectKind, expectMade } from '../options.js';
import { ASYNC_DISPOSE } from '../platform/async-dispose.js';
import { SINGLE_OPS, type SingleOp } from './single-op-names.js';
import type { SingleOps } from './single-ops.js';

/** An object with the methods of the single ops, which `Backend` defines. */
const WithSingleOps = class {} as new () => Pick<SingleOps, SingleOp>;

/**
 * A backend with the numerical core: single ops on arrays. Matrices are row-major and dense. Inputs
 * are checked for length and for finite numbers; outputs are new arrays.
 *
 * Each call copies its operands to the backend and its results back. To train a network, use `Trainer`,
 * which keeps data and weights on the backend.
 *
 * @example
 * await using backend = await createBackend('wasm');
 * await backend.relu([1, -2, 3]); // [1, 0, 3]
 */
export class Backend extends WithSingleOps {
  readonly #mutex = new Mutex();
  readonly #gate = new Gate();
  /** Loaded with the first single op: a page that only trains needs none. */
  #singleOps: Promise<SingleOps> | undefined;

  /** Keeps Vue from wrapping this object in a proxy, which cannot read private fields. */
  protected readonly __v_skip = true;

  /** @param runtime runs the ops; `createBackend` makes one */
  constructor(readonly runtime: Runtime) {
    expectMade('Backend', 'runtime', runtime, 'compile', 'a runtime; call await createBackend(…)');
    super();
  }

  static {
    for (const name of SINGLE_OPS) {
      const methods = {
        [name](this: Backend, ...args: readonly unknown[]) {
          return this.#runSingle(name, args);
        },
      };
      const value = methods[name];
      Object.defineProperty(Backend.prototype, name, { value, writable: true, configurable: true });
    }
  }

  /** The backend in use, its threads or adapter, and the reasons for missing features. */
  get info(): BackendInfo {
    return this.runtime.info;
  }

  /** Runs `task` while no other task of this backend runs: it can write, run and read undisturbed. */
  exclusive<Result>(task: () => Promise<Result>): Promise<Result> {
    expectKind('exclusive', 'task', task, 'function');
    return this.#mutex.run(task);
  }

  /**
   * Runs `task`, which may make several exclusive requests; `close` waits until it has ended.
   *
   * @throws BackendError after `close` was called
   */
  async keepOpen<Result>(task: () => Promise<Result>): Promise<Result> {
    expectKind('keepOpen', 'task', task, 'function');
    if (this.#gate.isClosed) throw new BackendError(`${this.info.backend}: the backend is closed`);
    return this.#gate.enter(task);
  }

  /**
   * Closes the backend once running calls have ended, and refuses later ones. A running `fit` rejects
   * after its current steps. Closing it twice is harmless.
   */
  async close(): Promise<void> {
    await this.#gate.close();
    await this.exclusive(async () => {
      // The callers have already received this error.
      await this.runtime.finish().catch(() => {});
      await this.runtime.close();
    });
  }

  /** Closes the backend at the end of an `await using` block. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  #runSingle(name: SingleOp, args: readonly unknown[]): Promise<unknown> {
    return this.keepOpen(async () => {
      this.#singleOps ??= this.#loadSingleOps();
      const ops = (await this.#singleOps) as unknown as Record<
        SingleOp,
        (...args: readonly unknown[]) => unknown
      >;
      return ops[name](...args);
    });
  }

  async #loadSingleOps(): Promise<SingleOps> {
    try {
      const { SingleOps } = await import('./single-ops.js');
      return new SingleOps(this.runtime, (task) => this.exclusive(task));
    } catch (error) {
      // The next call tries again.
      this.#singleOps = undefined;
      throw error;
    }
  }
}
