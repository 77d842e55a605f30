import script from 'virtual:thread';
import { orTimeout, promiseWithResolvers } from '../../concurrency/promises.js';
import { BackendError, reasonOf } from '../../errors.js';
import { workerFrom } from '../../platform/blob-worker.js';
import { inNode, nodeModule } from '../../platform/node.js';

/** The message with which a worker joins the pool: see thread.mjs. */
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
export interface ThreadWorker {
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
/** How long a worker may take to leave the core before it is ended. */
const LEAVE_TIMEOUT_MS = 500;

type Setup = WorkerPoolSetup & { readonly number: number; readonly count: number };

/**
 * Starts a worker from the script that this module contains, which needs no file beside the program. Where a
 * page's Content-Security-Policy forbids that, starts it from the file.
 */
export async function startWorker(
  setup: Setup,
  onFailure: (reason: string) => void,
): Promise<ThreadWorker> {
  const reasons = new Set<string>();
  for (const place of ['module', 'file'] as const) {
    try {
      return await startFrom(place, setup, onFailure);
    } catch (error) {
      reasons.add(reasonOf(error));
    }
  }
  const reason = [...reasons].join('; ');
  onFailure(reason);
  throw new BackendError(`wasm: expected thread ${setup.number} to start, got: ${reason}`);
}

/** Where the script of a worker is. */
type Place = 'module' | 'file';

async function startFrom(
  place: Place,
  setup: Setup,
  onFailure: (reason: string) => void,
): Promise<ThreadWorker> {
  const { promise: ready, resolve, reject } = promiseWithResolvers();
  let state: 'starting' | 'running' | 'abandoned' = 'starting';
  const fail = (reason: string) => {
    if (state === 'running') onFailure(reason);
    else reject(new Error(reason));
  };
  const events: WorkerEvents = {
    onMessage(message) {
      if (message.ready && state === 'starting') {
        state = 'running';
        resolve();
      }
      if (message.failure !== undefined) fail(message.failure);
    },
    onEnd: fail,
  };
  const worker = await (inNode
    ? nodeWorker(place, setup, events, ready)
    : browserWorker(place, setup, events));
  const timer = setTimeout(() => fail('no answer'), START_TIMEOUT_MS);
  try {
    await ready;
    return worker;
  } catch (error) {
    state = 'abandoned';
    // Not awaited in a page, where it takes up to LEAVE_TIMEOUT_MS.
    const ended = worker.terminate();
    if (inNode) await ended;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function nodeWorker(
  place: Place,
  setup: unknown,
  { onMessage, onEnd }: WorkerEvents,
  ready: Promise<void>,
): Promise<ThreadWorker> {
  type Threads = typeof import('node:worker_threads');
  const { Worker } = await nodeModule<Threads>('node:worker_threads');
  // Without the program's own flags: some, such as --input-type, are errors in a worker.
  const worker =
    place === 'module'
      ? new Worker(script, { eval: true, execArgv: [] })
      : new Worker(new URL('./thread.mjs', import.meta.url), { execArgv: [] });
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

/** Opens a worker of a page. Its script is found by the bundler, or is a Blob of the page's origin. */
function openBrowserWorker(place: Place): Worker {
  if (place === 'file')
    return new Worker(new URL('./thread.mjs', import.meta.url), { type: 'module' });
  return workerFrom(script);
}

async function browserWorker(
  place: Place,
  setup: unknown,
  { onMessage, onEnd }: WorkerEvents,
): Promise<ThreadWorker> {
  const worker = openBrowserWorker(place);
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
      const hasLeft = await orTimeout(
        left.then(() => true),
        LEAVE_TIMEOUT_MS,
      );
      worker.terminate();
      return hasLeft === true;
    },
  };
}
