import { promiseWithResolvers } from '../../concurrency/promises.js';
import { BackendError, reasonOf } from '../../errors.js';
import { workerFrom } from '../../platform/blob-worker.js';
import { inflate } from '../../platform/inflate.js';
import { inNode, nodeModule } from '../../platform/node.js';
import { decodeText } from '../../platform/text.js';
import type { ToClient, ToHost } from '../protocol.js';

interface Listener {
  onMessage(message: ToClient): void;
  onEnd(reason: string): void;
}

/** A worker that has the library. */
export interface HostWorker {
  post(message: ToHost, transfer: ArrayBuffer[]): void;
  listen(listener: Listener): void;
  /** Whether the worker keeps a program in Node running. */
  keepAlive(isAlive: boolean): void;
  terminate(): Promise<void>;
}

/** Timeout for a worker to load the library. */
const START_TIMEOUT_MS = 20_000;

/** Where the script of the worker is: beside this one, or in a module. */
type Place = 'file' | 'module';
// In Node, the file finds the packages that are installed beside the library. A page may have no such file.
const PLACES: readonly Place[] = inNode ? ['file', 'module'] : ['module', 'file'];

/**
 * Starts a worker with the library.
 *
 * @throws BackendError when none starts
 */
export async function startHost(): Promise<HostWorker> {
  const reasons: string[] = [];
  for (const place of PLACES) {
    try {
      return await startFrom(place);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  throw new BackendError(`openWorker: expected a worker to start, got: ${reasons.join('; ')}`);
}

async function startFrom(place: Place): Promise<HostWorker> {
  const { promise: ready, resolve, reject } = promiseWithResolvers();
  const worker = await (inNode ? nodeWorker(place) : pageWorker(place));
  worker.listen({
    onMessage: resolve,
    onEnd: (reason) => reject(new Error(reason)),
  });
  const timer = setTimeout(() => reject(new Error('no answer')), START_TIMEOUT_MS);
  try {
    await ready;
    worker.keepAlive(false);
    return worker;
  } catch (error) {
    void worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The text of the script. */
async function script(): Promise<Uint8Array<ArrayBuffer>> {
  const { default: base64 } = await import('virtual:host');
  return inflate(base64);
}

async function nodeWorker(place: Place): Promise<HostWorker> {
  type Threads = typeof import('node:worker_threads');
  const { Worker } = await nodeModule<Threads>('node:worker_threads');
  // Without the program's own flags: some, such as --input-type, are errors in a worker.
  const worker =
    place === 'file'
      ? new Worker(new URL('./host.js', import.meta.url), { execArgv: [] })
      : new Worker(decodeText(await script()), { eval: true, execArgv: [] });
  let listener: Listener | undefined;
  worker.on('message', (message) => listener?.onMessage(message));
  worker.on('error', (error) => listener?.onEnd(String(error)));
  worker.on('exit', (code) => listener?.onEnd(`the worker ended with status ${code}`));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as never),
    listen: (next) => {
      listener = next;
    },
    keepAlive: (isAlive) => (isAlive ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
}

async function pageWorker(place: Place): Promise<HostWorker> {
  const worker =
    place === 'module'
      ? workerFrom(await script())
      : new Worker(new URL('./host.js', import.meta.url), { type: 'module' });
  let listener: Listener | undefined;
  worker.onmessage = ({ data }) => listener?.onMessage(data);
  worker.onerror = ({ message }) => listener?.onEnd(message || 'the worker could not be loaded');
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen: (next) => {
      listener = next;
    },
    keepAlive: () => {},
    terminate: async () => worker.terminate(),
  };
}
