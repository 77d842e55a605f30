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
