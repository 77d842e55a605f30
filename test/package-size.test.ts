/* What programs load of the package, minified and compressed by gzip. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
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
    stdin: { contents: program, resolveDir: ROOT, sourcefile: 'program.js' },
    outdir: '/',
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
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

const CREATE_BACKEND = `
  import { createBackend } from 'handgrad';
  await createBackend('wasm', { threads: 1 });`;

const MLP = `
  import { createBackend, linear, relu, sequential, sgd, softmaxCrossEntropy, Trainer } from 'handgrad';
  const backend = await createBackend('wasm', { threads: 1 });
  const trainer = new Trainer(backend, {
    model: sequential(linear(784, 30), relu(), linear(30, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
  });
  await trainer.fit(globalThis.digits, { epochs: 1 });`;

describe('the size after gzip', () => {
  it('of the library with all builds and shaders is at most 187 KiB', async () => {
    const files = await bundle("export * from 'handgrad'; export * from 'handgrad/data';");
    expect(demanded(files, 'wasm')).toHaveLength(4);
    // The package that reads CSV files.
    const csv = demanded(files, 'csv-parse');
    expect(csv).toHaveLength(1);
    const names = [...files.keys()].filter((name) => !csv.includes(name));
    expect(sizeOf(files, names)).toBeLessThanOrEqual(187 * KIB);
  });

  it('of createBackend, apart from the core, is at most 16 KiB', async () => {
    const files = await bundle(CREATE_BACKEND);
    const [entry] = files.keys();
    expect(sizeOf(files, closure(files, [entry]))).toBeLessThanOrEqual(16 * KIB);
  });

  it('of a page that trains an mlp on one thread, with the core, is at most 58 KiB', async () => {
    const files = await bundle(MLP);
    const [entry] = files.keys();
    const core = demanded(files, 'wasm-relaxed').filter((name) => !name.includes('threads'));
    expect(core).toHaveLength(1);
    expect(sizeOf(files, [...closure(files, [entry]), ...core])).toBeLessThanOrEqual(58 * KIB);
  });

  it("of that page with createBackend('auto') is at most 61 KiB", async () => {
    const files = await bundle(MLP.replace("'wasm'", "'auto'"));
    const [entry] = files.keys();
    const core = demanded(files, 'wasm-relaxed').filter((name) => !name.includes('threads'));
    const auto = closure(files, demanded(files, 'auto', 'availability'));
    const loaded = new Set([...closure(files, [entry]), ...core, ...auto]);
    expect(sizeOf(files, loaded)).toBeLessThanOrEqual(61 * KIB);
  });

  it('of the threads is at most 5 KiB more', async () => {
    const files = await bundle(MLP);
    const [entry] = files.keys();
    const always = closure(files, [entry]);
    const threads = closure(files, demanded(files, 'partition', 'thread-worker'));
    expect(threads.size).toBeGreaterThan(1);
    const more = [...threads].filter((name) => !always.has(name));
    const several = demanded(files, 'wasm-relaxed-threads');
    const one = demanded(files, 'wasm-relaxed').filter((name) => !several.includes(name));
    expect([one.length, several.length]).toEqual([1, 1]);
    expect(sizeOf(files, more) + sizeOf(files, several) - sizeOf(files, one)).toBeLessThanOrEqual(
      5 * KIB,
    );
  });

  it('with a layer of its own, which imports an op, is at most 8 KiB more', async () => {
    const own = "import { reluOps } from 'handgrad/ops'; globalThis.own = reluOps;";
    const sizes: number[] = [];
    for (const program of [MLP, MLP + own]) {
      const files = await bundle(program);
      const [entry] = files.keys();
      sizes.push(sizeOf(files, closure(files, [entry])));
    }
    // esbuild keeps all ops that the page may load later, for single ops, in the files that it loads now.
    expect(sizes[1] - sizes[0]).toBeLessThanOrEqual(8 * KIB);
  });

  it('of the webgpu backend is at most 33 KiB more', async () => {
    const files = await bundle(MLP);
    const [entry] = files.keys();
    const always = closure(files, [entry]);
    const gpu = closure(files, demanded(files, 'create-runtime', 'webgpu-runtime'));
    expect(gpu.size).toBeGreaterThan(1);
    const more = [...gpu].filter((name) => !always.has(name));
    expect(sizeOf(files, more)).toBeLessThanOrEqual(33 * KIB);
  });
});
