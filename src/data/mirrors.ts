import { DataError, ErrorWithCause, reasonOf } from '../errors.js';
import type { DownloadProgress } from './download-progress.js';
import type { FileBytes } from './formats/gzip.js';
import { type Checksums, type MnistFile, verifiedContent } from './mnist-files.js';

/** Where and how files are downloaded. */
export interface Mirrors {
  readonly baseUrls: readonly string[];
  readonly checksums: Checksums;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: DownloadProgress) => void) | undefined;
}

/** A failure of one mirror, after which the next one is tried. */
class MirrorError extends ErrorWithCause {}

/**
 * Calls `attempt` with the file's URL on each mirror until it succeeds.
 *
 * @throws DataError when all mirrors fail, with the reason for each
 * @throws the signal's reason when aborted
 * @throws any other error at once, such as that of a full disk
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

/** Downloads a file into memory; returns its unpacked content after checking its SHA-256. */
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
 * Requests `url`.
 *
 * @param accepted HTTP statuses besides 200 that the caller handles
 */
export async function request(
  url: string,
  headers: Record<string, string>,
  { fetch, signal }: Mirrors,
  accepted: readonly number[] = [],
): Promise<Response> {
  const response = await asMirrorError(fetch(url, { headers, signal: signal ?? null }));
  if (response.status === 200 || accepted.includes(response.status)) return response;
  await response.body?.cancel();
  throw new MirrorError(`HTTP status ${response.status}`);
}

/**
 * Yields the response's body chunk by chunk, and reports progress.
 *
 * @param start bytes of the file that were received before
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
      const { done, value } = await asMirrorError(reader.read());
      if (done) return;
      received += value.length;
      onProgress?.({ file, received, total });
      yield value;
    }
  } finally {
    // Stops the download when the caller stops early; has no effect at the end of the body.
    await reader.cancel().catch(() => {});
  }
}

function totalBytes({ headers }: Response, start: number): number | undefined {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  // With a content encoding, the header counts encoded bytes, but `receive` yields decoded ones.
  return headers.has('content-encoding') || Number.isNaN(length) ? undefined : start + length;
}

/** Turns a rejection of the network into a `MirrorError`. */
async function asMirrorError<Result>(network: Promise<Result>): Promise<Result> {
  try {
    return await network;
  } catch (error) {
    throw new MirrorError(networkReason(error), { cause: error });
  }
}

/** Node's fetch rejects with "fetch failed" or "terminated", and has the reason in `cause`. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return reasonOf(error);
  const { cause } = error as { readonly cause?: unknown };
  if (!(cause instanceof Error)) return error.message;
  const code = 'code' in cause ? String(cause.code) : '';
  return cause.message || code || error.message;
}
