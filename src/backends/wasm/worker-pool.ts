import { BackendError, reasonOf } from '../../errors.js';
import { inNode, nodeModule } from '../../platform/node.js';

/** The message with which a worker joins the pool: see worker.mjs. */
export interface WorkerPoolSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Names of the kernels, in the order of the function table. */
  readonly kernels: readonly string[];
  /** Address of the control block: see assembly/threads.ts. */
  readonly control: number;
  /** Rows of the GEMM's register tiles. */
  readonly tileRows: number;
  /** Whether the GEMM computes two strips at once. */
  readonly pairsStrips: boolean;
  /** How often a waiting thread spins before it sleeps. */
  readonly spins: number;
}

/** One worker, in Node or in a browser. */
interface ThreadWorker {
  /** Whether it has not ended, as far as the engine can tell without the event loop. */
  isAlive(): boolean;
  /** Ends it; resolves to whether it surely uses the memory no more. */
  terminate(): Promise<boolean>;
}

/** `left` and `failure` come after the worker has left the core. */
type Message = { readonly ready?: true; readonly left?: true; readonly failure?: string };

interface WorkerEvents {
  onMessage(message: Message): void;
  onEnd(reason: string): void;
}

/** Timeout for a worker to load the core. */
const START_TIMEOUT_MS = 20_000;
/** How long a worker's reason for a failure, and its leave of the core, are awaited. */
const END_TIMEOUT_MS = 500;

/** Why the pool can no longer run: the first reason, which waiters receive. */
class Failure {
  reason: string | undefined;
  readonly #waiters: (() => void)[] = [];

  set(reason: string): void {
    this.reason ??= reason;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** Resolves when there is a reason, or after `END_TIMEOUT_MS`. */
  wait(): Promise<void> {
    if (this.reason !== undefined) return Promise.resolve();
    return orTimeout(new Promise((resolve) => this.#waiters.push(resolve)));
  }
}

/** The workers; the caller's own thread is thread 0. Between runs, workers wait inside the core. */
export class WorkerPool {
  readonly #workers: readonly ThreadWorker[];
  readonly #failure: Failure;
  #closing: Promise<boolean> | undefined;

  private constructor(workers: readonly ThreadWorker[], failure: Failure) {
    this.#workers = workers;
    this.#failure = failure;
  }

  /**
   * Starts `count` − 1 workers and waits until all are ready.
   *
   * @throws BackendError when one does not start
   */
  static async start(count: number, setup: WorkerPoolSetup): Promise<WorkerPool> {
    const failure = new Failure();
    const starting = Array.from({ length: count - 1 }, (_, i) =>
      startWorker({ ...setup, number: i + 1, count }, (reason) => failure.set(reason)),
    );
    const results = await Promise.allSettled(starting);
    const workers = results.flatMap((result) =>
      result.status === 'fulfilled' ? result.value : [],
    );
    const refusal = results.find((result) => result.status === 'rejected');
    const pool = new WorkerPool(workers, failure);
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
    if (known === undefined) await this.#failure.wait();
    else this.#failure.set(known);
    this.#failure.set('no answer');
    await this.close();
    return this.#failure.reason as string;
  }

  /**
   * Ends the workers, which the core's `fail` made leave.
   *
   * @returns whether all of them surely use the memory no more
   */
  close(): Promise<boolean> {
    this.#closing ??= Promise.all(this.#workers.map((worker) => worker.terminate())).then((ended) =>
      ended.every(Boolean),
    );
    return this.#closing;
  }
}

async function startWorker(
  setup: WorkerPoolSetup & { readonly number: number; readonly count: number },
  onFailure: (reason: string) => void,
): Promise<ThreadWorker> {
  const { promise: ready, resolve, reject } = promiseWithResolvers();
  const refuse = (reason: string) => {
    onFailure(reason);
    reject(new BackendError(`wasm: expected thread ${setup.number} to start, got: ${reason}`));
  };
  const events: WorkerEvents = {
    onMessage({ ready: isReady, failure }) {
      if (isReady) resolve();
      if (failure !== undefined) refuse(failure);
    },
    onEnd: refuse,
  };
  const worker = await openWorker(setup, events, ready);
  const timer = setTimeout(() => refuse('no answer'), START_TIMEOUT_MS);
  try {
    await ready;
    return worker;
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function openWorker(
  setup: { readonly number: number },
  events: WorkerEvents,
  ready: Promise<void>,
): Promise<ThreadWorker> {
  try {
    return inNode ? await nodeWorker(setup, events, ready) : browserWorker(setup, events);
  } catch (cause) {
    const message = `wasm: expected thread ${setup.number} to start, got: ${reasonOf(cause)}`;
    throw new BackendError(message, { cause });
  }
}

async function nodeWorker(
  setup: unknown,
  { onMessage, onEnd }: WorkerEvents,
  ready: Promise<void>,
): Promise<ThreadWorker> {
  type Threads = typeof import('node:worker_threads');
  const { Worker } = await nodeModule<Threads>('node:worker_threads');
  // Without the program's own flags: some, such as --input-type, are errors in a worker.
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { execArgv: [] });
  worker.on('message', onMessage);
  worker.on('error', (error) => onEnd(String(error)));
  worker.on('exit', (code) => onEnd(`the worker ended with status ${code}`));
  worker.postMessage(setup);
  // A program that does not close the backend can still exit.
  ready.then(
    () => {
      worker.unref();
      // The first call remembers when the worker began; later ones are negative after its end.
      worker.performance.eventLoopUtilization();
    },
    () => {},
  );
  return {
    isAlive() {
      const { idle, active } = worker.performance.eventLoopUtilization();
      return idle >= 0 && active > 0;
    },
    async terminate() {
      await worker.terminate();
      return true;
    },
  };
}

function browserWorker(setup: unknown, { onMessage, onEnd }: WorkerEvents): ThreadWorker {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
  const { promise: left, resolve } = promiseWithResolvers();
  worker.onmessage = ({ data }) => {
    if (data.left || data.failure !== undefined) resolve();
    onMessage(data);
  };
  worker.onerror = ({ message }) => onEnd(message || 'the worker could not be loaded');
  worker.postMessage(setup);
  return {
    // Nothing but its owner ends a worker of a page.
    isAlive: () => true,
    async terminate() {
      // A worker may run on for a while after `terminate`.
      const hasLeft = await orTimeout(left.then(() => true));
      worker.terminate();
      return hasLeft === true;
    },
  };
}

/** A promise's result, or undefined if it takes longer than `END_TIMEOUT_MS`. */
async function orTimeout<Result>(promise: Promise<Result>): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, END_TIMEOUT_MS, undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function promiseWithResolvers() {
  let resolve = () => {};
  let reject = (_error: Error) => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Callers that await the promise see the error; this avoids an unhandled rejection if none does.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
