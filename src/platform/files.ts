import { inNode, nodeModule } from './node.js';
import { isHandle } from './places.js';
import type { Bytes, FileHandle } from './types.js';

type FileSystem = typeof import('node:fs/promises');

/** Errors of systems or file systems that cannot synchronise a folder, or may not open it. */
const UNSUPPORTED = ['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'];

/**
 * Writes a file atomically, and durably in Node: writes a temporary file beside it, renames that,
 * and returns when the disk has both. Follows symbolic links, and keeps the mode and the owner of a
 * file that exists. Writes into devices and pipes directly.
 *
 * @param place a path, a URL of a file, or the handle of a file, which has a temporary file of its own
 */
export async function writeBytes(
  place: string | URL | FileHandle,
  bytes: Uint8Array | string,
): Promise<void> {
  if (!isHandle(place)) return writeInNode(await pathOf(place), bytes);
  const file = await place.createWritable();
  try {
    await file.write(bytes as Bytes);
  } catch (error) {
    await file.abort();
    throw error;
  }
  await file.close();
}

async function writeInNode(path: string, bytes: Uint8Array | string): Promise<void> {
  const { open, rename, rm, stat, writeFile } = await nodeModule<FileSystem>('node:fs/promises');
  const { dirname } = await nodeModule<typeof import('node:path')>('node:path');
  const target = await targetOf(path);
  const existing = await stat(target).catch(() => undefined);
  if (existing && !existing.isFile()) return writeFile(target, bytes);
  const temporary = `${target}.${globalThis.process.pid}.${randomName()}.part`;
  const mode = existing && existing.mode & 0o7777;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      if (existing && mode !== undefined) {
        // Only root may give a file to another user. It comes first, because it clears set-user-ID.
        await file.chown(existing.uid, existing.gid).catch(() => {});
        await file.chmod(mode);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}

/** A random name for a temporary file: threads and containers may share the number of a process. */
function randomName(): string {
  return crypto.getRandomValues(new Uint32Array(2)).join('');
}

/** The path of a file that is named by a path or by a URL. */
async function pathOf(place: string | URL): Promise<string> {
  if (typeof place === 'string' && !/^file:/i.test(place)) return place;
  const { fileURLToPath } = await nodeModule<typeof import('node:url')>('node:url');
  return fileURLToPath(place);
}

/** The file behind symbolic links, which may not exist yet (Node only). */
export async function targetOf(path: string): Promise<string> {
  const { readlink, realpath } = await nodeModule<FileSystem>('node:fs/promises');
  const { dirname, resolve } = await nodeModule<typeof import('node:path')>('node:path');
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const link = await readlink(path).catch(() => undefined);
    return link === undefined ? path : targetOf(resolve(await realpath(dirname(path)), link));
  }
}

/** Writes the names in a folder to the disk, without which a new or renamed file may be lost. */
async function syncFolder(path: string): Promise<void> {
  const { open } = await nodeModule<FileSystem>('node:fs/promises');
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!UNSUPPORTED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
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
      await syncFolder(dirname(place));
    } catch (error) {
      // It exists, or another process has created it.
      if (!(await isFolder(place))) throw error;
    }
  }
}

/** Reads a file, named by a path or a URL (Node), or fetches a URL. */
export async function readBytes(path: string | URL): Promise<Uint8Array> {
  const name = String(path);
  if (inNode && !/^(https?|data|blob):/i.test(name)) {
    const { readFile } = await nodeModule<FileSystem>('node:fs/promises');
    return readFile(await pathOf(path));
  }
  const response = await fetch(path);
  if (!response.ok) throw new Error(`load: expected ${name}, got HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
