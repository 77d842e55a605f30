import { nodeModule } from './node.js';

type FileSystem = typeof import('node:fs/promises');

/** Part of the names of temporary files, so that concurrent writes to one path do not share a file. */
let count = 0;

/** Writes a file atomically: writes a temporary file beside it, then renames that (Node only). */
export async function writeBytes(path: string, bytes: Uint8Array | string): Promise<void> {
  const { open, rename, rm } = await nodeModule<FileSystem>('node:fs/promises');
  const temporary = `${path}.${process.pid}.${count++}.part`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Creates a folder and its missing parents, one level at a time (Node only). The `recursive` option of
 * Node's `mkdir` never returns where the system refuses a new folder with ENOENT, as it does in /proc.
 */
export async function createFolder(path: string): Promise<void> {
  const { mkdir, stat } = await nodeModule<FileSystem>('node:fs/promises');
  const { dirname, resolve } = await nodeModule<typeof import('node:path')>('node:path');
  const isFolder = (place: string) =>
    stat(place).then(
      (found) => found.isDirectory(),
      () => false,
    );
  const isMissing = (place: string) =>
    stat(place).then(
      () => false,
      ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
    );
  const missing = [resolve(path)];
  while (missing[0] !== dirname(missing[0]) && (await isMissing(dirname(missing[0])))) {
    missing.unshift(dirname(missing[0]));
  }
  for (const place of missing) {
    try {
      await mkdir(place);
    } catch (error) {
      // It exists, or another process has created it.
      if (!(await isFolder(place))) throw error;
    }
  }
}

/** Reads a file (Node), or fetches a URL. */
export async function readBytes(path: string | URL): Promise<Uint8Array> {
  const isFile = typeof path === 'string' ? !/^https?:/.test(path) : path.protocol === 'file:';
  if (isFile) {
    const { readFile } = await nodeModule<FileSystem>('node:fs/promises');
    return readFile(path);
  }
  const response = await fetch(path);
  if (!response.ok) throw new Error(`load: expected ${path}, got HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
