import { nodeModule } from './node.js';

type FileSystem = typeof import('node:fs/promises');

/** So that no two files under way have the same name, even if they are to replace the same one. */
let count = 0;

/** Writes a whole file or none: beside it first, then renamed over it (Node only). */
export async function writeBytes(path: string, bytes: Uint8Array | string): Promise<void> {
  const { open, rename, rm } = await nodeModule<FileSystem>('node:fs/promises');
  const unfinished = `${path}.${process.pid}.${count++}.part`;
  try {
    const file = await open(unfinished, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
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
