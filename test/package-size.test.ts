/* What programs load of the package, minified and compressed by gzip. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const KIB = 1024;

interface File {
  /** Size in bytes after gzip. */
  readonly size: number;
  /** The files that it loads at once, and those that it loads on demand. */
  readonly imports: readonly string[];
  readonly demands: readonly string[];
}

/** The files of a program, by name; the first is its entry. */
async function bundle(program: string): Promise<ReadonlyMap<string, File>> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: DIST, sourcefile: 'program.js' },
    outdir: '/',
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    chunkNames: '[name]-[hash]',
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const files = outputFiles.map(({ path, contents }): [string, File] => {
    const all = (outputs.get(basename(path))?.imports ?? []).filter(({ external }) => !external);
    const names = (isDemand: boolean) =>
      all
        .filter(({ kind }) => (kind === 'dynamic-import') === isDemand)
        .map((each) => basename(each.path));
    const size = gzipSync(contents, { level: 9 }).length;
    return [basename(path), { size, imports: names(false), demands: names(true) }];
  });
  return new Map(files.sort(([a], [b]) => Number(b === 'stdin.js') - Number(a === 'stdin.js')));
}

/** The files that load with some files. */
function closure(files: ReadonlyMap<string, File>, names: readonly string[]): Set<string> {
  const loaded = new Set(names);
  for (const name of loaded) for (const each of files.get(name)?.imports ?? []) loaded.add(each);
  return loaded;
}

const sizeOf = (files: ReadonlyMap<string, File>, names: Iterable<string>) =>
  [...names].reduce((sum, name) => sum + (files.get(name)?.size ?? Number.NaN), 0);

/** The files on demand whose names begin in one of these ways. */
const demanded = (files: ReadonlyMap<string, File>, ...starts: string[]) =>
  [...files.keys()].filter((name) => starts.some((start) => name.startsWith(`${start}-`)));

const MLP = `
  import { createBackend, linear, relu, sequential, sgd, softmaxCrossEntropy, Trainer } from './index.js';
  const backend = await createBackend('wasm', { threads: 1 });
  const trainer = new Trainer(backend, {
    model: sequential(linear(784, 30), relu(), linear(30, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
  });
  await trainer.fit(globalThis.digits, { epochs: 1 });`;

describe('the size after gzip', () => {
  it('of the library with all builds and shaders is at most 182 KiB', async () => {
    const files = await bundle("export * from './index.js'; export * from './data.js';");
    expect(demanded(files, 'simd', 'relaxed')).toHaveLength(4);
    // The package that reads CSV files.
    const csv = demanded(files, 'sync');
    expect(csv).toHaveLength(1);
    const names = [...files.keys()].filter((name) => !csv.includes(name));
    expect(sizeOf(files, names)).toBeLessThanOrEqual(182 * KIB);
  });

  it('of a page that trains an mlp on one thread is at most 76 KiB', async () => {
    const files = await bundle(MLP);
    const [entry] = files.keys();
    const loaded = [...closure(files, [entry]), ...demanded(files, 'relaxed').slice(0, 1)];
    expect(sizeOf(files, loaded)).toBeLessThanOrEqual(76 * KIB);
  });

  it('of the webgpu backend is at most 29 KiB more', async () => {
    const files = await bundle(MLP);
    const [entry] = files.keys();
    const always = closure(files, [entry]);
    const gpu = closure(files, demanded(files, 'create-runtime', 'webgpu-runtime'));
    expect(gpu.size).toBeGreaterThan(1);
    const more = [...gpu].filter((name) => !always.has(name));
    expect(sizeOf(files, more)).toBeLessThanOrEqual(29 * KIB);
  });
});
