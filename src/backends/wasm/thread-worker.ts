import script from 'virtual:thread';
import { orTimeout } from '../../concurrency/promises.js';
import { BackendError, reasonOf } from '../../errors.js';
import { inNode } from '../../platform/node.js';
import { startWorker } from '../../platform/worker.js';

/** The message with which a worker joins the pool: see handgrad-thread.mjs. */
export interface ThreadSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the control block: see assembly/threads.ts. */
  readonly control: number;
  /** Rows of the GEMM's register tiles. */
  readonly tileRows: number;
  /** Whether the GEMM computes two strips at once. */
  readonly pairsStrips: boolean;
  /** How often a waiting thread spins before it sleeps. */
  readonly spins: number;
  /** Number of the thread, from 1. */
  readonly number: number;
  /** Number of threads, with the caller's. */
  readonly count: number;
}

/** A worker of the pool. */
export interface ThreadWorker {
  /** Whether it has not ended, as far as the engine can tell without the event loop. */
  isAlive(): boolean;
  /** Ends it; resolves to whether it has certainly stopped using the memory. */
  terminate(): Promise<boolean>;
}

/** `left` and `failure` come after the worker has left the core. */
type Message = { readonly ready?: true; readonly left?: true; readonly failure?: string };

/** How long a worker may take to leave the core before it is ended. */
const LEAVE_TIMEOUT_MS = 500;

const SCRIPT = {
  text: async () => script,
  url: () => new URL('./handgrad-thread.mjs', import.meta.url),
  open: () => new Worker(new URL('./handgrad-thread.mjs', import.meta.url), { type: 'module' }),
};

/**
 * Starts a worker from the script that this module contains, which needs no file beside the program. Where a
 * page's Content-Security-Policy forbids that, starts it from the file.
 *
 * @throws BackendError when it does not start; `onFailure` is called as well
 */
export async function startThread(
  setup: ThreadSetup,
  onFailure: (reason: string) => void,
): Promise<ThreadWorker> {
  let leave = () => {};
  const left = new Promise<true>((resolve) => {
    leave = () => resolve(true);
  });
  try {
    const worker = await startWorker<Message>(
      {
        script: SCRIPT,
        places: ['module', 'file'],
        setup,
        isReady({ ready, failure }) {
          if (failure !== undefined) throw new Error(failure);
          return ready === true;
        },
      },
      {
        onMessage({ failure }) {
          leave();
          if (failure !== undefined) onFailure(failure);
        },
        onEnd: onFailure,
      },
    );
    return {
      isAlive: worker.isAlive,
      async terminate() {
        // A worker of a page may run on for a while after `terminate`.
        const hasLeft = inNode || (await orTimeout(left, LEAVE_TIMEOUT_MS));
        await worker.terminate();
        return hasLeft === true;
      },
    };
  } catch (error) {
    const reason = reasonOf(error);
    onFailure(reason);
    throw new BackendError(`wasm: expected thread ${setup.number} to start, got: ${reason}`);
  }
}
