import { threads as threadsAreSupported } from 'wasm-feature-detect';
import { BackendError } from '../../errors.js';
import { inNode, nodeModule } from '../../node.js';

export const MOST_THREADS = 64;
/** Small networks gain nothing from more, since every barrier waits for the slowest. */
const MOST_BY_DEFAULT = 8;
/** Left to the rest of the program and of the machine: threads that share a core wait for each other. */
const SPARED = 1;

/**
 * How many threads to run on, and why not more, if that is fewer than was asked for or than the
 * default.
 *
 * @param wanted undefined for one less than there are cores, up to eight
 * @param hasSource whether the program brings its own copy of the core, which runs on one
 * @throws BackendError for a number that is no integer from 1 to 64
 */
export async function chooseThreads(
  wanted: number | undefined,
  hasSource = false,
): Promise<{ threads: number; note?: string }> {
  if (
    wanted !== undefined &&
    !(Number.isInteger(wanted) && wanted >= 1 && wanted <= MOST_THREADS)
  ) {
    throw new BackendError(
      `wasm: expected threads to be an integer from 1 to ${MOST_THREADS}, got ${wanted}`,
    );
  }
  const threads = wanted ?? (hasSource ? 1 : await defaultThreads());
  const reason = threads === 1 ? undefined : await whyOneThread(hasSource);
  if (reason === undefined) return { threads };
  return { threads: 1, note: `One thread instead of ${threads}: ${reason}.` };
}

async function whyOneThread(hasSource: boolean): Promise<string | undefined> {
  if (hasSource) return 'the program brings its own copy of the core';
  if (await threadsAreSupported()) return undefined;
  return typeof SharedArrayBuffer === 'undefined'
    ? 'SharedArrayBuffer is missing; a page needs Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    : 'the engine lacks WebAssembly threads';
}

async function defaultThreads(): Promise<number> {
  return Math.min(Math.max(1, (await cores()) - SPARED), MOST_BY_DEFAULT);
}

async function cores(): Promise<number> {
  if (!inNode) return navigator.hardwareConcurrency ?? 1;
  const { availableParallelism } = await nodeModule<typeof import('node:os')>('node:os');
  return availableParallelism();
}

/**
 * How often a thread that waits for the others spins before it sleeps.
 *
 * With a core for each, some 2 ms. That is longer than waking a sleeper takes, for else one sleep
 * makes the others wait so long that they fall asleep too, and a step of 80 µs takes 300. And it is
 * long enough for the operating system to see that two threads want to run and to give each a core
 * of its own; threads that always sleep while another works may share one for good.
 *
 * With fewer cores than threads, hardly ever, since the one waited for may need the core.
 */
export async function spinsBeforeSleep(threads: number): Promise<number> {
  return threads > 1 && threads <= (await cores()) ? 3_000_000 : 500;
}

/** Whether the calling thread may sleep: a page's main thread may not. */
export function maySleep(): boolean {
  return inNode || typeof window === 'undefined';
}
