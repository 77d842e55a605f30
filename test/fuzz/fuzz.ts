/* Fuzzes a subject: mutates files, reads them, and says what went wrong. */
import { DataError, ShapeError } from '../../src/errors.js';
import { allocationsOf } from './allocations.js';
import type { Random } from './mutations.js';
import type { Subject } from './subjects.js';

/** Reading any of these small files takes milliseconds, even on a busy machine. */
const MOST_MILLISECONDS = 10_000;
const LONGEST_MESSAGE = 1000;

export interface FuzzResult {
  accepted: number;
  refused: number;
  /** Most bytes allocated for a byte of a file. */
  memoryFactor: number;
  readonly failures: string[];
}

/**
 * Reads `count` mutations.
 *
 * @param onProgress called before each mutation with its number
 */
export async function fuzz(
  subject: Subject,
  count: number,
  random: Random,
  onProgress: (n: number) => void = () => {},
): Promise<FuzzResult> {
  const result: FuzzResult = { accepted: 0, refused: 0, memoryFactor: 0, failures: [] };
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  try {
    for (let n = 0; n < count; n++) {
      onProgress(n);
      const bytes = subject.mutate(random);
      const failure = await readOne(subject, bytes, result);
      if (failure) result.failures.push(`mutation ${n} of ${bytes.length} bytes: ${failure}`);
      // Unhandled rejections are reported after the current turn of the event loop.
      if (n % 100 === 99 || n === count - 1) await new Promise((resolve) => setImmediate(resolve));
      for (const reason of unhandled.splice(0)) {
        result.failures.push(`mutation ${n} or before: unhandled rejection: ${reason}`);
      }
    }
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  return result;
}

async function readOne(
  subject: Subject,
  bytes: Buffer,
  result: FuzzResult,
): Promise<string | undefined> {
  const began = performance.now();
  const [error, allocated] = await allocationsOf(() =>
    subject.read(bytes).then(
      () => undefined,
      (reason) => reason,
    ),
  );
  const milliseconds = performance.now() - began;
  result.memoryFactor = Math.max(result.memoryFactor, allocated / Math.max(bytes.length, 1024));
  if (error === undefined) result.accepted++;
  else result.refused++;
  if (milliseconds > MOST_MILLISECONDS) return `took ${milliseconds.toFixed(0)} ms`;
  if (allocated > subject.limit(bytes.length)) return `allocated ${allocated} bytes`;
  if (error === undefined) return undefined;
  const { name, message, stack } = error as Error;
  if (!(error instanceof DataError || error instanceof ShapeError)) return `${name}: ${stack}`;
  if (message.length > LONGEST_MESSAGE) return `a message of ${message.length} characters`;
  return undefined;
}
