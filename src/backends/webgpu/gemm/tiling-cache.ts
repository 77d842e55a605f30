/** What was measured stays: in memory, and in Node in a file of the cache folder. */
import { defaultCacheFolder } from '../../../cache-folder.js';
import { writeBytes } from '../../../files.js';
import { inNode, nodeModule } from '../../../node.js';
import type { Cut } from './gemm.js';
import { formatCut, parseCut } from './tilings.js';

/** What was measured on one GPU. */
export interface MeasuredCuts {
  /** By product. All that ask for a GPU's get the same map, and may add to it. */
  readonly cuts: Map<string, Cut>;
  /** Writes them down, beside what other programs have written. */
  save(): Promise<void>;
}

/** By GPU, then by product. */
type Content = Readonly<Record<string, unknown>>;

const inMemory = new Map<string, Promise<Map<string, Cut>>>();

/** What was measured so far on a GPU of that name, with products of numbers of that kind. */
export async function openCuts(name: string, numbers: 'float32' | 'f16'): Promise<MeasuredCuts> {
  const gpu = `${name}, ${numbers}`;
  let reading = inMemory.get(gpu);
  if (!reading) {
    reading = readCuts(gpu);
    inMemory.set(gpu, reading);
  }
  const cuts = await reading;
  return { cuts, save: () => save(gpu, cuts) };
}

async function readCuts(gpu: string): Promise<Map<string, Cut>> {
  const cuts = new Map<string, Cut>();
  for (const [product, text] of Object.entries(entriesOf((await readAll())[gpu]))) {
    const cut = parseCut(text);
    if (cut) cuts.set(product, cut);
  }
  return cuts;
}

async function save(gpu: string, cuts: ReadonlyMap<string, Cut>): Promise<void> {
  if (!inNode) return;
  const measured = [...cuts].map(([product, cut]) => [product, formatCut(cut)]);
  const all = await readAll();
  const known = { ...all, [gpu]: { ...entriesOf(all[gpu]), ...Object.fromEntries(measured) } };
  try {
    const { mkdir } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
    await mkdir(await defaultCacheFolder(), { recursive: true });
    await writeBytes(await cutFile(), `${JSON.stringify(known, null, 2)}\n`);
  } catch {
    // Where nothing can be kept, the next program measures again.
  }
}

async function readAll(): Promise<Content> {
  if (!inNode) return {};
  const { readFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  try {
    return entriesOf(JSON.parse(await readFile(await cutFile(), 'utf8')));
  } catch {
    // None yet, or spoiled: either way nothing is known.
    return {};
  }
}

/** Nothing for what is no object. */
function entriesOf(value: unknown): Content {
  return typeof value === 'object' && value !== null ? (value as Content) : {};
}

async function cutFile(): Promise<string> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  return join(await defaultCacheFolder(), 'webgpu-tiles.json');
}
