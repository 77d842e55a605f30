/** The folder that downloads are kept in. Runs in Node only. */

import { DataError } from '../errors.js';
import { nodeModule } from '../node.js';
import { fromFirstMirror, type Mirrors, receive, request } from './mirrors.js';
import { type MnistFile, verifiedContent } from './mnist-files.js';

type FileSystem = typeof import('node:fs/promises');

/**
 * Downloads `<file>.gz` into `folder`. What has arrived waits in `<file>.gz.part`, where the next
 * call goes on from; only a whole, checked file gets its final name.
 *
 * @throws DataError when no mirror delivers the file, or the folder cannot be written
 */
export async function downloadToFolder(
  file: MnistFile,
  folder: string,
  mirrors: Mirrors,
): Promise<void> {
  const fs = await nodeModule<FileSystem>('node:fs/promises');
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  const download = new Download(fs, file, join(folder, `${file}.gz`), mirrors);
  try {
    await fs.mkdir(folder, { recursive: true });
    await fromFirstMirror(file, mirrors, (url) => download.from(url));
  } catch (error) {
    throw isSystemError(error) ? unwritable(error, file, folder) : error;
  }
}

/** The download of one file to `path`, by way of `<path>.part`. */
class Download {
  readonly #part: string;

  constructor(
    readonly fs: FileSystem,
    readonly file: MnistFile,
    readonly path: string,
    readonly mirrors: Mirrors,
  ) {
    this.#part = `${path}.part`;
  }

  async from(url: string): Promise<void> {
    const before = await this.#size(this.#part);
    await this.#fetchFrom(url, before);
    try {
      await this.#finish();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      await this.fs.rm(this.#part, { force: true });
      if (before === 0) throw error;
      // The first bytes may have come from a mirror that packed the file differently.
      await this.from(url);
    }
  }

  /** Adds to the part what comes after its first `before` bytes. */
  async #fetchFrom(url: string, before: number): Promise<void> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (before > 0) headers.range = `bytes=${before}-`;
    const response = await request(url, headers, this.mirrors, [206, 416]);
    if (response.status === 416) {
      await response.body?.cancel(); // Nothing comes after: the part may be whole.
      return;
    }
    await this.#write(response, response.status === 206 ? before : 0, before);
  }

  async #write(response: Response, start: number, before: number): Promise<void> {
    const { O_RDWR, O_CREAT } = this.fs.constants;
    const handle = await this.fs.open(this.#part, O_RDWR | O_CREAT);
    try {
      if (start < before) await handle.truncate(start);
      // By position, so that two processes that download the same file write the same bytes to
      // the same places.
      let position = start;
      for await (const chunk of receive(response, this.file, start, this.mirrors)) {
        await handle.write(chunk, 0, chunk.length, position);
        position += chunk.length;
      }
    } finally {
      await handle.close();
    }
  }

  async #finish(): Promise<void> {
    try {
      const packed = await this.fs.readFile(this.#part);
      await verifiedContent(packed, this.file, this.mirrors.checksums);
      await this.fs.rename(this.#part, this.path);
    } catch (error) {
      // Another process may have finished the same file just before.
      const finished =
        isSystemError(error) && error.code === 'ENOENT' && (await this.#size(this.path));
      if (!finished) throw error;
    }
  }

  /** Bytes of the file at `path`, 0 where there is none. */
  async #size(path: string): Promise<number> {
    const stat = await this.fs.stat(path).catch(() => undefined);
    return stat?.size ?? 0;
  }
}

/** Whether the operating system refused something: only its errors have a number. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error;
}

function unwritable(error: Error, file: MnistFile, folder: string): DataError {
  return new DataError(
    `download ${file}: expected to write to ${folder}, got "${error.message}"; ` +
      'make room there, or point --data or HANDGRAD_MNIST at a folder with the four MNIST files',
    { cause: error },
  );
}
