import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const DIST = new URL('../dist/', import.meta.url);
const KIB = 1024;

/** Files of the library, without the command line and without what only CSV files need. */
async function libraryFiles(): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of await readdir(DIST)) {
    if (!/\.(js|mjs|wasm)$/.test(name) || name === 'cli.js') continue;
    const bytes = await readFile(new URL(name, DIST));
    if (name.startsWith('chunk') && bytes.includes('CSV_')) continue;
    sizes.set(name, gzipSync(bytes, { level: 9 }).length);
  }
  return sizes;
}

/** Whether a file is loaded by those only who ask for WebGPU. */
async function isForGpu(name: string): Promise<boolean> {
  return name.startsWith('chunk') && (await readFile(new URL(name, DIST))).includes('@compute');
}

function sum(sizes: Iterable<number>): number {
  return [...sizes].reduce((total, size) => total + size, 0);
}

it('the library with all its builds takes at most 136 KiB, gzipped', async () => {
  const sizes = await libraryFiles();
  expect([...sizes.keys()].filter((name) => name.endsWith('.wasm'))).toHaveLength(4);
  expect(sum(sizes.values()), [...sizes].join(' ')).toBeLessThanOrEqual(136 * KIB);
});

it('what a page loads of it, without the GPU, takes at most 54 KiB, gzipped', async () => {
  const sizes = await libraryFiles();
  for (const name of sizes.keys()) if (await isForGpu(name)) sizes.delete(name);
  const builds = [...sizes].filter(([name]) => name.endsWith('.wasm')).map(([, size]) => size);
  const code = sum([...sizes].filter(([name]) => /\.m?js$/.test(name)).map(([, size]) => size));
  const data = sizes.get('data.js') ?? 0;
  expect(code - data + Math.max(...builds)).toBeLessThanOrEqual(54 * KIB);
});
