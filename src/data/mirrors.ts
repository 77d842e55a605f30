import { DataError } from '../errors.js';
import type { FileBytes } from './gzip.js';
import { type Checksums, type MnistFile, verifiedContent } from './mnist-files.js';

/** How far the download of one file is. */
export interface DownloadProgress {
  readonly file: MnistFile;
  /** Bytes received, those of an earlier, broken download included. */
  readonly received: number;
  /** Bytes in all, where the server tells. */
  readonly total: number | undefined;
}

/** Where files are downloaded from, and who is told. */
export interface Mirrors {
  readonly baseUrls: readonly string[];
  readonly checksums: Checksums;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: DownloadProgress) => void) | undefined;
}

/** What a mirror did wrong; the next one may do better. */
class MirrorError extends Error {}

/**
 * Tries `attempt` with the file's address on each mirror, until one succeeds.
 *
 * @throws DataError when all fail, with what each did wrong; the signal's reason when aborted; and
 *   at once any error that is no mirror's fault, such as a full disk
 */
export async function fromFirstMirror<Result>(
  file: MnistFile,
  { baseUrls, signal }: Mirrors,
  attempt: (url: string) => Promise<Result>,
): Promise<Result> {
  const failures: string[] = [];
  for (const base of baseUrls) {
    const url = `${base.replace(/\/*$/, '/')}${file}.gz`;
    try {
      return await attempt(url);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof MirrorError || error instanceof DataError)) throw error;
      failures.push(`${url} (${error.message})`);
    }
  }
  throw new DataError(
    `download ${file}: expected one of ${baseUrls.length} mirrors to deliver it, got ${failures.join(', ')}; ` +
      'point HANDGRAD_MNIST, --data or loadMnist({ directory }) at a folder with the four MNIST files, or use syntheticDigits()',
  );
}

/** Downloads a file into memory and returns its unpacked, checked content. */
export function downloadToMemory(file: MnistFile, mirrors: Mirrors): Promise<FileBytes> {
  return fromFirstMirror(file, mirrors, async (url) => {
    const response = await request(url, {}, mirrors);
    const chunks: FileBytes[] = [];
    for await (const chunk of receive(response, file, 0, mirrors)) chunks.push(chunk);
    const packed = new Uint8Array(await new Blob(chunks).arrayBuffer());
    return verifiedContent(packed, file, mirrors.checksums);
  });
}

/**
 * Asks for `url`.
 *
 * @param accepted statuses besides 200 that the caller knows what to do with
 */
export async function request(
  url: string,
  headers: Record<string, string>,
  { fetch, signal }: Mirrors,
  accepted: readonly number[] = [],
): Promise<Response> {
  const response = await blamingMirror(fetch(url, { headers, signal: signal ?? null }));
  if (response.status === 200 || accepted.includes(response.status)) return response;
  await response.body?.cancel();
  throw new MirrorError(`HTTP status ${response.status}`);
}

/**
 * The response's body, chunk by chunk, while progress is reported.
 *
 * @param start bytes of the file that were there before
 */
export async function* receive(
  response: Response,
  file: MnistFile,
  start: number,
  { onProgress }: Mirrors,
): AsyncGenerator<FileBytes, void> {
  if (!response.body) throw new MirrorError('a response without a body');
  const total = totalBytes(response, start);
  const reader = response.body.getReader();
  let received = start;
  try {
    for (;;) {
      const { done, value } = await blamingMirror(reader.read());
      if (done) return;
      received += value.length;
      onProgress?.({ file, received, total });
      yield value;
    }
  } finally {
    // Nobody waits for the rest when the caller stops early; after the end this does nothing.
    await reader.cancel().catch(() => {});
  }
}

function totalBytes({ headers }: Response, start: number): number | undefined {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  // With a content encoding, the length is that of other bytes than those received.
  return headers.has('content-encoding') || Number.isNaN(length) ? undefined : start + length;
}

async function blamingMirror<Result>(network: Promise<Result>): Promise<Result> {
  try {
    return await network;
  } catch (error) {
    throw new MirrorError(networkReason(error), { cause: error });
  }
}

/** Node's fetch says "fetch failed" or "terminated" and keeps the reason in `cause`. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const code = 'code' in cause ? String(cause.code) : '';
  return cause.message || code || error.message;
}
