/** Workers of Node and of pages, from a script that this library contains or from a file beside it. */

import { promiseWithResolvers } from '../concurrency/promises.js';
import { reasonOf } from '../errors.js';
import { inNode, nodeModule } from './node.js';
import { decodeText } from './text.js';
import { trustedUrl } from './trusted-url.js';

/** Where a script is: inside a module of the library, or in a file beside it. */
export type Place = 'module' | 'file';

export interface WorkerScript {
  /** The text of a classic script. */
  text(): Promise<string | Uint8Array<ArrayBuffer>>;
  /** Its file. */
  url(): URL;
  /**
   * Opens a worker of a page from the file: `new Worker(new URL(…, import.meta.url))`, where the path is
   * known, since bundlers look for these words.
   */
  open(): Worker;
}

export interface WorkerStart<Message> {
  readonly script: WorkerScript;
  /** Tried in this order. */
  readonly places: readonly Place[];
  /** The first message to the worker. */
  readonly setup?: unknown;
  /**
   * Whether a message tells that the worker is ready.
   *
   * @throws the reason that the worker gives for not starting
   */
  isReady(message: Message): boolean;
}

/** Events of a worker that has started. */
export interface WorkerEvents<Message> {
  onMessage(message: Message): void;
  /** @param reason why the worker ended by itself */
  onEnd(reason: string): void;
}

export interface PlatformWorker {
  post(message: unknown, transfer: ArrayBuffer[]): void;
  /** Whether the worker keeps a program in Node running; false at first. */
  keepAlive(isAlive: boolean): void;
  /** Whether it has not ended, as far as the engine can tell without the event loop. */
  isAlive(): boolean;
  /** Ends it. A worker of a page may run on for a while. */
  terminate(): Promise<void>;
}

/** Timeout for a worker to be ready. */
const START_TIMEOUT_MS = 20_000;

/** A worker that is late may still start beside a second one, so no other place is tried. */
class TimeoutError extends Error {}

/**
 * Starts a worker from the first place that works, and waits until it is ready.
 *
 * @param events called from then on
 * @throws Error with the reasons of all places
 */
export async function startWorker<Message>(
  start: WorkerStart<Message>,
  events: WorkerEvents<Message>,
): Promise<PlatformWorker> {
  const reasons = new Set<string>();
  for (const place of start.places) {
    try {
      return await startFrom(place, start, events);
    } catch (error) {
      reasons.add(reasonOf(error));
      if (error instanceof TimeoutError) break;
    }
  }
  throw new Error([...reasons].join('; '));
}

async function startFrom<Message>(
  place: Place,
  { script, setup, isReady }: WorkerStart<Message>,
  events: WorkerEvents<Message>,
): Promise<PlatformWorker> {
  const { promise: ready, resolve, reject } = promiseWithResolvers();
  let state: 'starting' | 'running' | 'abandoned' = 'starting';
  const worker = await (inNode ? nodeWorker : pageWorker)<Message>(place, script, {
    onMessage(message) {
      if (state === 'running') return events.onMessage(message);
      try {
        if (state === 'abandoned' || !isReady(message)) return;
        state = 'running';
        resolve();
      } catch (error) {
        reject(error as Error);
      }
    },
    onEnd(reason) {
      if (state === 'running') events.onEnd(reason);
      else reject(new Error(reason));
    },
  });
  const timer = setTimeout(() => reject(new TimeoutError('no answer')), START_TIMEOUT_MS);
  try {
    if (setup !== undefined) worker.post(setup, []);
    await ready;
    worker.keepAlive(false);
    // In Node, the first call remembers when the worker began.
    worker.isAlive();
    return worker;
  } catch (error) {
    state = 'abandoned';
    await worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function nodeWorker<Message>(
  place: Place,
  script: WorkerScript,
  { onMessage, onEnd }: WorkerEvents<Message>,
): Promise<PlatformWorker> {
  type Threads = typeof import('node:worker_threads');
  const { Worker } = await nodeModule<Threads>('node:worker_threads');
  // Without the program's own flags: some, such as --input-type, are errors in a worker.
  const worker =
    place === 'file'
      ? new Worker(script.url(), { execArgv: [] })
      : new Worker(asText(await script.text()), { eval: true, execArgv: [] });
  worker.on('message', onMessage);
  worker.on('error', (error) => onEnd(String(error)));
  worker.on('exit', (code) => onEnd(`the worker ended with status ${code}`));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as never),
    keepAlive: (isAlive) => (isAlive ? worker.ref() : worker.unref()),
    isAlive() {
      const { performance } = worker as { readonly performance?: typeof worker.performance };
      // Deno has none.
      if (performance?.eventLoopUtilization === undefined) return true;
      const { idle, active } = performance.eventLoopUtilization();
      return idle >= 0 && active > 0;
    },
    async terminate() {
      await worker.terminate();
    },
  };
}

async function pageWorker<Message>(
  place: Place,
  script: WorkerScript,
  { onMessage, onEnd }: WorkerEvents<Message>,
): Promise<PlatformWorker> {
  const worker = place === 'file' ? fromFile(script) : fromText(await script.text());
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = ({ message }) => onEnd(message || 'the worker could not be loaded');
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    keepAlive: () => {},
    // Pages are not told.
    isAlive: () => true,
    terminate: async () => worker.terminate(),
  };
}

/** How long the URL of a script stays valid: some engines need it until the worker has loaded it. */
const URL_MILLISECONDS = 20_000;

/** A worker from a text starts on every origin; a file must be of the page's own. */
function fromText(text: BlobPart): Worker {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  setTimeout(() => URL.revokeObjectURL(url), URL_MILLISECONDS);
  return new Worker(trustedUrl(url));
}

function fromFile(script: WorkerScript): Worker {
  try {
    return script.open();
  } catch (error) {
    // Pages with Trusted Types refuse plain URLs.
    if (!(error instanceof TypeError)) throw error;
    return new Worker(trustedUrl(script.url().href), { type: 'module' });
  }
}

function asText(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : decodeText(text);
}
