import { threads as threadsAreSupported } from 'wasm-feature-detect';
import { BackendError } from '../../errors.js';
import { availableCores } from '../../platform/cores.js';
import { inNode } from '../../platform/node.js';

export const MOST_THREADS = 64;
/** Small networks gain nothing from more threads, since every barrier waits for the slowest one. */
const MOST_BY_DEFAULT = 8;
/** Cores left for other programs, since threads that share a core wait for each other. */
const SPARED = 1;
/** Checks of a barrier before a thread sleeps: about 2 ms; fewer where threads share cores. */
const SPINS = 3_000_000;
const SPINS_ON_BUSY_CORES = 500;

/**
 * The number of threads, and a note with the reason if it is smaller than requested or than the
 * default.
 *
 * @param wanted undefined for the number of cores minus one, at most eight
 * @throws BackendError unless `wanted` is an integer from 1 to 64
 */
export async function chooseThreads(
  wanted: number | undefined,
): Promise<{ threads: number; note?: string }> {
  if (
    wanted !== undefined &&
    !(Number.isInteger(wanted) && wanted >= 1 && wanted <= MOST_THREADS)
  ) {
    throw new BackendError(
      `wasm: expected threads to be an integer from 1 to ${MOST_THREADS}, got ${wanted}`,
    );
  }
  const threads = wanted ?? (await defaultThreads());
  const reason = threads === 1 ? undefined : await whyOneThread();
  if (reason === undefined) return { threads };
  return { threads: 1, note: `One thread instead of ${threads}: ${reason}.` };
}

async function whyOneThread(): Promise<string | undefined> {
  if (await threadsAreSupported()) return undefined;
  if (globalThis.isSecureContext === false) {
    return 'the page is not a secure context; serve it over https or from localhost';
  }
  return typeof SharedArrayBuffer === 'undefined'
    ? 'SharedArrayBuffer is missing; a page needs Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    : 'the engine lacks WebAssembly threads';
}

async function defaultThreads(): Promise<number> {
  return Math.min(Math.max(1, (await availableCores()) - SPARED), MOST_BY_DEFAULT);
}

/**
 * How often a thread checks a barrier before it sleeps.
 *
 * With one core per thread, it spins for about 2 ms. This is longer than waking a thread takes:
 * otherwise one sleeping thread makes the others wait until they sleep too, and a step of 80 µs takes
 * 300 µs. It also gives the operating system time to notice that the threads run at once and to move
 * them to different cores; threads that always sleep while another runs may share one core permanently.
 *
 * With fewer cores than threads, it spins only briefly, since the awaited thread may need the core.
 */
export async function spinsBeforeSleep(threads: number): Promise<number> {
  return threads > 1 && threads <= (await availableCores()) ? SPINS : SPINS_ON_BUSY_CORES;
}

/** Whether the calling thread may block; a page's main thread may not. */
export function maySleep(): boolean {
  return inNode || typeof window === 'undefined';
}
