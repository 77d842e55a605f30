/** What was measured stays: in memory, and in Node in a file of the cache folder. */
import { defaultCacheFolder } from '../../cache-folder.js';
import { inNode, nodeModule } from '../../node.js';
import { writeBytes } from '../../training/files.js';
import { formatCut, parseCut } from './cuts.js';
import type { Cut } from './products.js';

/** By GPU, then by product. */
type CutsInFile = Record<string, Record<string, string>>;

/** What was measured on one GPU. */
export interface MeasuredCuts {
  /** By product. All that ask for a GPU's get the same map, and may add to it. */
  readonly cuts: Map<string, Cut>;
  /** Writes them down, beside what other programs have written. */
  save(): Promise<void>;
}

const inMemory = new Map<string, Map<string, Cut>>();

/** What was measured so far on a GPU of that name, with numbers of that precision. */
export async function openCuts(name: string, precision = 'float32'): Promise<MeasuredCuts> {
  const gpu = `${name}, ${precision}`;
  let cuts = inMemory.get(gpu);
  if (!cuts) {
    cuts = readCuts((await readAll())[gpu]);
    inMemory.set(gpu, cuts);
  }
  const measured = cuts;
  return { cuts: measured, save: () => save(gpu, measured) };
}

function readCuts(entries: Record<string, string> = {}): Map<string, Cut> {
  const cuts = new Map<string, Cut>();
  for (const [product, text] of Object.entries(entries)) {
    const cut = parseCut(text);
    if (cut) cuts.set(product, cut);
  }
  return cuts;
}

async function save(gpu: string, cuts: ReadonlyMap<string, Cut>): Promise<void> {
  if (!inNode) return;
  const measured = [...cuts].map(([product, cut]) => [product, formatCut(cut)]);
  const all = await readAll();
  const known: CutsInFile = { ...all, [gpu]: { ...all[gpu], ...Object.fromEntries(measured) } };
  try {
    const { mkdir } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
    await mkdir(await defaultCacheFolder(), { recursive: true });
    await writeBytes(await cutFile(), `${JSON.stringify(known, null, 2)}\n`);
  } catch {
    // Where nothing can be kept, the next program measures again.
  }
}

async function readAll(): Promise<CutsInFile> {
  if (!inNode) return {};
  const { readFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  try {
    const content: unknown = JSON.parse(await readFile(await cutFile(), 'utf8'));
    return typeof content === 'object' && content !== null ? (content as CutsInFile) : {};
  } catch {
    // None yet, or spoiled: either way nothing is known.
    return {};
  }
}

async function cutFile(): Promise<string> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  return join(await defaultCacheFolder(), 'webgpu-tiles.json');
}
