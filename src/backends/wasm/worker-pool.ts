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
  terminate(): Promise<unknown>;
}

type Message = { readonly ready?: true; readonly failure?: string };

interface WorkerEvents {
  onMessage(message: Message): void;
  onEnd(reason: string): void;
}

/** Timeout for a worker to load the core. */
const START_TIMEOUT_MS = 20_000;

/** The workers; the caller's own thread is thread 0. Between runs, workers wait inside the core. */
export class WorkerPool {
  readonly #workers: readonly ThreadWorker[];
  readonly #failure: { reason: string | undefined };

  private constructor(workers: readonly ThreadWorker[], failure: { reason: string | undefined }) {
    this.#workers = workers;
    this.#failure = failure;
  }

  /**
   * Starts `count` − 1 workers and waits until all are ready.
   *
   * @throws BackendError when one does not start
   */
  static async start(count: number, setup: WorkerPoolSetup): Promise<WorkerPool> {
    const failure: { reason: string | undefined } = { reason: undefined };
    const starting = Array.from({ length: count - 1 }, (_, i) =>
      startWorker({ ...setup, number: i + 1, count }, (reason) => {
        failure.reason ??= reason;
      }),
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

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
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
    onMessage: ({ failure }) => (failure === undefined ? resolve() : refuse(failure)),
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
    () => worker.unref(),
    () => {},
  );
  return worker;
}

function browserWorker(setup: unknown, { onMessage, onEnd }: WorkerEvents): ThreadWorker {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = ({ message }) => onEnd(message || 'the worker could not be loaded');
  worker.postMessage(setup);
  return { terminate: async () => worker.terminate() };
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
