/* What is fuzzed: seeds, the code that reads them, and what an accepted file must satisfy. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { readPng } from '../../src/cli/predict/png.js';
import { createConfig, identityOf } from '../../src/cli/train/saved/run-config.js';
import { RunFolder } from '../../src/cli/train/saved/run-folder.js';
import { RunLog } from '../../src/cli/train/saved/run-log.js';
import { readTrained } from '../../src/cli/trained.js';
import { gunzip, parseCsvDigits, parseIdxImages, parseIdxLabels } from '../../src/data/index.js';
import { createBackend, decodeSafetensors, encodeSafetensors, RECIPES } from '../../src/index.js';
import { recipeTrainer } from '../../src/train-recipe.js';
import { idxBytes } from '../data/idx-bytes.js';
import { mutated, type Random } from './mutations.js';

/** A kind of file, and the code that reads it. */
export interface Subject {
  /** The mutation number `n` of a file. */
  mutate(random: Random): Buffer;
  /** Reads a file, and throws for nonsense that it accepts: an error of class `Nonsense`. */
  read(bytes: Buffer): Promise<void>;
  /** Bytes that reading a file of this many bytes may allocate. */
  limit(size: number): number;
}

/** A file was accepted whose content makes no sense. */
export class Nonsense extends Error {
  override name = 'Nonsense';
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Nonsense(`expected ${what}`);
}

const MIB = 2 ** 20;
/** The most that deflate shrinks data. */
const DEFLATE = 1032;

const raw = (factor: number) => (size: number) => factor * size + MIB / 4;
const noise = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (i * i * 31 + (i >> 3) * 7 * seed) & 255);

const plain = (seeds: readonly Buffer[]) => ({
  mutate: (random: Random) => mutated(seeds, random),
});

const idx: Subject = {
  ...plain(
    [
      idxBytes(2051, [3, 4, 5], noise(60)),
      idxBytes(2051, [1, 28, 28], noise(784)),
      idxBytes(2049, [7], [0, 1, 2, 3, 4, 5, 9]),
    ].map((bytes) => Buffer.from(bytes)),
  ),
  limit: raw(1),
  async read(bytes) {
    // What was read must give the same bytes when it is written.
    if (bytes.length >= 4 && bytes.readUInt32BE(0) === 2049) {
      const labels = parseIdxLabels(bytes, 'f');
      expect(bytes.equals(idxBytes(2049, [labels.length], labels)), 'labels that fill the file');
      return;
    }
    const { count, height, width, pixels } = parseIdxImages(bytes, 'f');
    expect(
      count > 0 && pixels.length === count * height * width,
      'as many pixels as the sizes say',
    );
    expect(
      bytes.equals(idxBytes(2051, [count, height, width], pixels)),
      'images that fill the file',
    );
  },
};

const CONTENTS = [noise(300), new Uint8Array(2000).fill(7), noise(37, 5)];

const gzip: Subject = {
  ...plain([
    ...CONTENTS.map((content) => gzipSync(content)),
    Buffer.concat(CONTENTS.map((content) => gzipSync(content))),
  ]),
  limit: raw(4 * DEFLATE),
  async read(bytes) {
    const unpacked = Buffer.from(await gunzip(new Uint8Array(bytes), 'f'));
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
      expect(unpacked.equals(bytes), 'a file that is not packed as it is');
      return;
    }
    let rest = unpacked;
    while (rest.length > 0) {
      const found = CONTENTS.find((content) => rest.subarray(0, content.length).equals(content));
      if (!found) throw new Nonsense('expected what was packed');
      rest = rest.subarray(found.length);
    }
  },
};

const csvRow = (label: number, seed: number) => [label, ...noise(784, seed)].join(',');
const HEADER = ['label', ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)].join(',');

const csv: Subject = {
  ...plain([
    Buffer.from(`${HEADER}\n${csvRow(3, 1)}\n${csvRow(7, 2)}\n`),
    Buffer.from(`${csvRow(1, 3)}\r\n${csvRow(2, 4)}\n\n`),
    Buffer.from(`\ufeff"label"${HEADER.slice(5)}\n${csvRow(9, 5)}`),
  ]),
  limit: raw(12),
  async read(bytes) {
    const { images, labels } = await parseCsvDigits(bytes, 'f');
    expect(labels.length === images.count && images.count > 0, 'a label for each image');
    expect(images.pixels.length === 784 * images.count, 'all pixels of each image');
    const text = bytes.toString('utf8').replace(/^\ufeff/, '');
    if (text.includes('"')) return;
    const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '');
    if (/^\s*[a-z_]/i.test(lines[0])) lines.shift();
    expect(lines.length === images.count, `an image for each of ${lines.length} lines`);
    lines.forEach((line, n) => {
      const values = line.split(',').map(Number);
      const pixels = [...images.pixels.subarray(784 * n, 784 * (n + 1))];
      const first = [labels[n], ...pixels].every((value, i) => value === values[i]);
      const last = [...pixels, labels[n]].every((value, i) => value === values[i]);
      expect(values.length === 785 && (first || last), `the numbers of line ${n + 1}`);
    });
  },
};

function pngSeed(colorType: 0 | 2 | 4 | 6, width: number, height: number): Buffer {
  const png = new PNG({ width, height });
  png.data.set(noise(4 * width * height));
  return PNG.sync.write(png, { colorType, inputHasAlpha: true });
}

/** Gives every chunk of a PNG file the checksum of its bytes, as far as its chunks can be followed. */
function withChecksums(file: Buffer): Buffer {
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 8 + file.readUInt32BE(at);
    if (end + 4 > file.length) break;
    file.writeUInt32BE(crc32(file.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return file;
}

const PNG_SEEDS = [pngSeed(0, 28, 28), pngSeed(2, 9, 5), pngSeed(4, 3, 20), pngSeed(6, 16, 16)];

const png = (folder: string): Subject => ({
  mutate(random) {
    const bytes = mutated(PNG_SEEDS, random);
    return random() < 0.7 ? withChecksums(bytes) : bytes;
  },
  limit: (size) => 40 * DEFLATE * size + MIB,
  async read(bytes) {
    const path = join(folder, 'image.png');
    await writeFile(path, bytes);
    const { width, height, data } = await readPng(path);
    expect(data.length === 4 * width * height, 'four bytes for each pixel');
    // A decoder that reads uninitialised memory gives another picture the second time.
    const again = await readPng(path);
    expect(Buffer.from(data).equals(Buffer.from(again.data)), 'the same picture twice');
  },
});

const tensors = new Map([
  ['0.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ['0.bias', { shape: [2], data: Float32Array.of(-1, 0.5) }],
  ['scale', { shape: [], data: Float32Array.of(7) }],
]);

const safetensors: Subject = {
  ...plain([
    Buffer.from(encodeSafetensors(tensors, { format: 'pt' })),
    Buffer.from(encodeSafetensors(new Map([...tensors].slice(0, 1)))),
  ]),
  limit: raw(8),
  async read(bytes) {
    const { tensors: read, metadata } = decodeSafetensors(bytes, 'f');
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
    const names = Object.keys(header).filter((name) => name !== '__metadata__');
    expect(read.size === names.length, 'every tensor of the header');
    for (const [name, { shape, data }] of read) {
      const { data_offsets: offsets, shape: sizes } = header[name];
      expect(JSON.stringify(shape) === JSON.stringify(sizes), 'the shape of the header');
      const count = shape.reduce((product, size) => product * size, 1);
      expect(data.length === count, 'as many values as the shape says');
      expect(offsets[1] - offsets[0] >= count, 'at least a byte for each value');
    }
    const { tensors: again } = decodeSafetensors(encodeSafetensors(read, metadata));
    expect(again.size === read.size, 'the same tensors after another round');
  },
};

const RUN_FILES = ['config.json', 'history.json', 'checkpoint.safetensors', 'weights.safetensors'];

/** A folder in which a run has ended, with one of its files changed. */
async function runs(folder: string): Promise<Subject> {
  const backend = await createBackend('reference');
  const recipe = RECIPES.line;
  const data = { ...recipe.prepare(undefined, 0), source: 'points' };
  const settings = { epochs: 3, batchSize: 50, learningRate: 0.004, seed: 0 };
  const config = createConfig(recipe, settings, backend.info, data);
  const original = join(folder, 'original');
  const run = new RunFolder(original);
  await run.begin(config);
  const trainer = recipeTrainer(recipe, { backend, ...settings });
  const log = new RunLog();
  await trainer.fit(data.train, { epochs: 3, onEpoch: (record) => void log.add(record) });
  await run.saveProgress(trainer, log);
  await run.saveWeights(trainer);
  await run.close();
  const checkpoint = await trainer.checkpoint();
  const files = await Promise.all(RUN_FILES.map((file) => readFile(join(original, file))));
  let changed = '';
  return {
    mutate(random) {
      const which = Math.floor(random() * RUN_FILES.length);
      changed = RUN_FILES[which];
      return mutated([files[which]], random);
    },
    limit: raw(40),
    async read(bytes) {
      const copy = join(folder, 'copy');
      await rm(copy, { recursive: true, force: true });
      await mkdir(copy);
      for (const [i, file] of RUN_FILES.entries()) {
        await writeFile(join(copy, file), file === changed ? bytes : files[i]);
      }
      if (changed === 'weights.safetensors') return readWeights(copy);
      const resumed = new RunFolder(copy);
      try {
        const read = await resumed.resume();
        const found = await resumed.readCheckpoint();
        const position = JSON.parse(found.metadata.handgrad);
        const history = await resumed.readHistory(position.step / 2);
        expect(
          JSON.stringify(identityOf(read)) === JSON.stringify(identityOf(config)),
          'the configuration of the run',
        );
        for (const [name, { data: values }] of checkpoint.tensors) {
          const same = Buffer.from(found.tensors.get(name)?.data.buffer ?? new ArrayBuffer(0));
          expect(same.equals(Buffer.from(values.buffer)), 'the weights of the run');
        }
        const numbers = history?.epochs.map(({ epoch }) => epoch).join();
        expect(['1,2,3', '2,3', '3', ''].includes(numbers ?? '-'), 'the epochs of the run');
        new RunLog(history, 3).add({ epoch: 4, trainLoss: 0, learningRate: 0, seconds: 1 });
      } finally {
        await resumed.close();
      }
    },
  };

  async function readWeights(copy: string): Promise<void> {
    const { bytes, path } = await readTrained(copy, undefined, undefined);
    const loaded = recipeTrainer(recipe, { backend, ...settings });
    await loaded.decode(bytes, path);
    for (const { data: values } of (await loaded.state()).values()) {
      expect(values.every(Number.isFinite), 'finite weights');
    }
  }
}

/** All subjects by name. `close` deletes their files. */
export async function createSubjects(): Promise<{
  subjects: Record<string, Subject>;
  close(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-fuzz-'));
  return {
    subjects: { idx, gzip, csv, png: png(folder), safetensors, run: await runs(folder) },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
