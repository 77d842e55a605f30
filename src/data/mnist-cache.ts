/** Downloads of MNIST's files into the cache folder. Node only. */

import { DataError } from '../errors.js';
import { createFolder } from '../platform/files.js';
import { nodeModule } from '../platform/node.js';
import { fromFirstMirror, type Mirrors, receive, request } from './mirrors.js';
import { type MnistFile, verifiedContent } from './mnist-files.js';

type FileSystem = typeof import('node:fs/promises');

/**
 * Downloads `<file>.gz` into `folder`. Partial content stays in `<file>.gz.part`, from which the
 * next call resumes; the file gets its final name once it is complete and its SHA-256 is correct.
 *
 * @throws DataError when no mirror delivers the file, or the folder cannot be written to
 * @throws the signal's reason when aborted
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
    await createFolder(folder);
    await fromFirstMirror(file, mirrors, (url) => download.from(url));
  } catch (error) {
    throw isSystemError(error) ? unwritable(error, file, folder) : error;
  }
}

/** The download of one file to `<path>.part`, which is then renamed to `path`. */
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
      // Start again: the first bytes may come from a mirror that compressed the file differently.
      await this.from(url);
    }
  }

  /** Appends the content after the first `before` bytes to the partial file. */
  async #fetchFrom(url: string, before: number): Promise<void> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (before > 0) headers.range = `bytes=${before}-`;
    const response = await request(url, headers, this.mirrors, [206, 416]);
    if (response.status === 416) {
      await response.body?.cancel(); // No content after these bytes: the file may be complete.
      return;
    }
    await this.#write(response, response.status === 206 ? before : 0, before);
  }

  async #write(response: Response, start: number, before: number): Promise<void> {
    const { O_RDWR, O_CREAT } = this.fs.constants;
    const handle = await this.fs.open(this.#part, O_RDWR | O_CREAT);
    try {
      if (start < before) await handle.truncate(start);
      // Write at explicit positions, so that two processes that download the same file write the
      // same bytes to the same positions.
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
      // Another process may have finished and renamed the same file.
      const finished =
        isSystemError(error) && error.code === 'ENOENT' && (await this.#size(this.path));
      if (!finished) throw error;
    }
  }

  /** Size of the file at `path` in bytes; 0 if it does not exist. */
  async #size(path: string): Promise<number> {
    const stat = await this.fs.stat(path).catch(() => undefined);
    return stat?.size ?? 0;
  }
}

/** Whether an error comes from the operating system: only those have `errno`. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error;
}

function unwritable(error: Error, file: MnistFile, folder: string): DataError {
  return new DataError(
    `download ${file}: expected to write to ${folder}, got "${error.message}"; ` +
      'free space or grant access there, or point --data or HANDGRAD_MNIST at a folder with the four MNIST files',
    { cause: error },
  );
}
