/* Measured tilings persist in memory and, in Node, in a file of the cache folder. */
import { defaultCacheFolder } from '../../../platform/cache-folder.js';
import { createFolder, writeBytes } from '../../../platform/files.js';
import { inNode, nodeModule } from '../../../platform/node.js';
import type { Tiling } from './gemm.js';
import { formatTiling, parseTiling } from './tilings.js';

/** The measured tilings of one GPU. */
export interface TilingCache {
  /** By `keyOf`. All devices of the same GPU share this map, and may add to it. */
  readonly tilings: Map<string, Tiling>;
  /** Writes the tilings to the file, which keeps the entries of other programs. */
  save(): Promise<void>;
}

/** By GPU, then by `keyOf`. */
type Content = Readonly<Record<string, unknown>>;

const inMemory = new Map<string, Promise<Map<string, Tiling>>>();

/** The tilings measured so far on a GPU of this name, for GEMMs in this number format. */
export async function openTilingCache(
  name: string,
  format: 'float32' | 'f16',
): Promise<TilingCache> {
  const gpu = `${name}, ${format}`;
  let reading = inMemory.get(gpu);
  if (!reading) {
    reading = readTilings(gpu);
    inMemory.set(gpu, reading);
  }
  const tilings = await reading;
  return { tilings, save: () => save(gpu, tilings) };
}

async function readTilings(gpu: string): Promise<Map<string, Tiling>> {
  const tilings = new Map<string, Tiling>();
  for (const [key, text] of Object.entries(entriesOf((await readAll())[gpu]))) {
    const tiling = parseTiling(text);
    if (tiling) tilings.set(key, tiling);
  }
  return tilings;
}

async function save(gpu: string, tilings: ReadonlyMap<string, Tiling>): Promise<void> {
  if (!inNode) return;
  const measured = [...tilings].map(([key, tiling]) => [key, formatTiling(tiling)]);
  const all = await readAll();
  const content = { ...all, [gpu]: { ...entriesOf(all[gpu]), ...Object.fromEntries(measured) } };
  try {
    await createFolder(await defaultCacheFolder());
    await writeBytes(await cachePath(), `${JSON.stringify(content, null, 2)}\n`);
  } catch {
    // Without a writable cache folder, the next program measures again.
  }
}

async function readAll(): Promise<Content> {
  if (!inNode) return {};
  const { readFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  try {
    return entriesOf(JSON.parse(await readFile(await cachePath(), 'utf8')));
  } catch {
    // The file is missing or corrupt.
    return {};
  }
}

/** No entries for a value that is not an object. */
function entriesOf(value: unknown): Content {
  return typeof value === 'object' && value !== null ? (value as Content) : {};
}

async function cachePath(): Promise<string> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  return join(await defaultCacheFolder(), 'webgpu-tiles.json');
}
