import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const KIB = 1024;

interface File {
  /** Size in bytes after minification and gzip. */
  readonly size: number;
  /** Whether programs load the file only for the webgpu backend. */
  readonly isForGpu: boolean;
  /** Whether only programs in Node load the file. */
  readonly isForNode: boolean;
}

/**
 * Files of the library, without the command line and the chunk that reads CSV files. The package's code
 * is readable; the bundler of a page minifies it, as here.
 */
async function libraryFiles(): Promise<Map<string, File>> {
  const files = new Map<string, File>();
  for (const [name, bytes] of [...(await bundled()), ...(await assets())]) {
    if (name.startsWith('chunk') && bytes.includes('CSV_')) continue;
    files.set(name, {
      size: gzipSync(bytes, { level: 9 }).length,
      isForGpu: bytes.includes('@compute'),
      isForNode: bytes.includes('VK_DRIVER_FILES'),
    });
  }
  return files;
}

/** The library's code, minified. */
async function bundled(): Promise<[name: string, bytes: Buffer][]> {
  const { outputFiles } = await build({
    entryPoints: [`${DIST}index.js`, `${DIST}data.js`],
    outdir: DIST,
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    chunkNames: 'chunk-[hash]',
    write: false,
    logLevel: 'error',
  });
  return outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]);
}

/** The builds of the core, and the script of its threads. */
async function assets(): Promise<[name: string, bytes: Buffer][]> {
  const names = (await readdir(DIST)).filter((name) => /\.(mjs|wasm)$/.test(name));
  return Promise.all(
    names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(DIST + name)]),
  );
}

function sum(files: Iterable<File>): number {
  return [...files].reduce((total, { size }) => total + size, 0);
}

it('the library with all builds and shaders is at most 178 KiB, minified, after gzip', async () => {
  const files = await libraryFiles();
  expect([...files.keys()].filter((name) => name.endsWith('.wasm'))).toHaveLength(4);
  const sizes = [...files].map(([name, { size }]) => `${name} ${size}`);
  expect(sum(files.values()), sizes.join(', ')).toBeLessThanOrEqual(178 * KIB);
});

it('a page loads at most 77 KiB, minified, after gzip, and 28 KiB more for the webgpu backend', async () => {
  const files = [...(await libraryFiles())];
  const builds = files.filter(([name]) => name.endsWith('.wasm')).map(([, { size }]) => size);
  const code = files
    .filter(([name]) => /\.m?js$/.test(name) && name !== 'data.js')
    .filter(([, { isForNode }]) => !isForNode)
    .map(([, file]) => file);
  const always = sum(code.filter(({ isForGpu }) => !isForGpu)) + Math.max(...builds);
  expect(always).toBeLessThanOrEqual(77 * KIB);
  const forGpu = code.filter(({ isForGpu }) => isForGpu);
  expect(forGpu).toHaveLength(1);
  expect(sum(forGpu)).toBeLessThanOrEqual(28 * KIB);
});
