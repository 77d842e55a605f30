import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const DIST = new URL('../dist/', import.meta.url);
const KIB = 1024;

interface File {
  /** Size in bytes after gzip. */
  readonly size: number;
  /** Whether programs load the file only for the webgpu backend. */
  readonly isForGpu: boolean;
}

/** Files of the library, without the command line and the chunk that reads CSV files. */
async function libraryFiles(): Promise<Map<string, File>> {
  const files = new Map<string, File>();
  for (const name of await readdir(DIST)) {
    if (!/\.(js|mjs|wasm)$/.test(name) || name === 'cli.js') continue;
    const bytes = await readFile(new URL(name, DIST));
    if (name.startsWith('chunk') && bytes.includes('CSV_')) continue;
    const { length: size } = gzipSync(bytes, { level: 9 });
    files.set(name, { size, isForGpu: bytes.includes('@compute') });
  }
  return files;
}

function sum(files: Iterable<File>): number {
  return [...files].reduce((total, { size }) => total + size, 0);
}

it('the library with all builds and shaders is at most 154 KiB after gzip', async () => {
  const files = await libraryFiles();
  expect([...files.keys()].filter((name) => name.endsWith('.wasm'))).toHaveLength(4);
  const sizes = [...files].map(([name, { size }]) => `${name} ${size}`);
  expect(sum(files.values()), sizes.join(', ')).toBeLessThanOrEqual(154 * KIB);
});

it('a page loads at most 64 KiB after gzip, and 27 KiB more for the webgpu backend', async () => {
  const files = [...(await libraryFiles())];
  const builds = files.filter(([name]) => name.endsWith('.wasm')).map(([, { size }]) => size);
  const code = files
    .filter(([name]) => /\.m?js$/.test(name) && name !== 'data.js')
    .map(([, file]) => file);
  const always = sum(code.filter(({ isForGpu }) => !isForGpu)) + Math.max(...builds);
  expect(always).toBeLessThanOrEqual(64 * KIB);
  const forGpu = code.filter(({ isForGpu }) => isForGpu);
  expect(forGpu).toHaveLength(1);
  expect(sum(forGpu)).toBeLessThanOrEqual(27 * KIB);
});
