import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { loadMnist, nearestMean, selectClasses, validateDataset } from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';
import { idxBytes, idxImages, idxLabels, smallMnist, temporaryFolder } from './idx-bytes.js';

const realMnist =
  process.env.HANDGRAD_MNIST || fileURLToPath(new URL('../../../shared/mnist', import.meta.url));
const noMnist = !existsSync(realMnist);

const CSV_ROWS = Array.from({ length: 3 }, (_, n) =>
  [n, ...Array.from({ length: 784 }, (_, i) => (n * 13 + i) & 255)].join(','),
).join('\n');

beforeEach(() => {
  vi.stubEnv('HANDGRAD_MNIST', undefined);
});

async function expectRefusal(files: Record<string, Uint8Array>, message: string | RegExp) {
  const directory = await temporaryFolder(files);
  const loading = loadMnist({ directory });
  await expect(loading).rejects.toThrow(DataError);
  await expect(loading).rejects.toThrow(message);
  return directory;
}

describe('loadMnist from a folder', () => {
  it('reads plain files with any checksum', async () => {
    const files = smallMnist();
    const { train, test } = await loadMnist({ directory: await temporaryFolder(files) });
    expect(train).toMatchObject({
      name: 'MNIST training split',
      size: 30,
      features: 784,
      classes: 10,
      imageShape: [28, 28],
    });
    expect(train.inputs).toEqual(files['train-images-idx3-ubyte'].subarray(16));
    expect(test.size).toBe(20);
    validateDataset(train);
    validateDataset(test);
  });

  it('reads .gz files, but prefers plain files', async () => {
    const files = smallMnist();
    const packed = Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]);
    const directory = await temporaryFolder({
      ...Object.fromEntries(packed),
      't10k-labels-idx1-ubyte': idxLabels(20).fill(4, 8),
    });
    const { train, test } = await loadMnist({ directory });
    expect(train.size).toBe(30);
    expect(new Set(test.targets)).toEqual(new Set([4]));
  });

  it.each(['', '.gz'])('reads files named as in train-images.idx3-ubyte%s', async (suffix) => {
    const files = Object.entries(smallMnist()).map(([name, bytes]): [string, Uint8Array] => [
      `${name.replace('-idx', '.idx')}${suffix}`,
      suffix ? gzipSync(bytes) : bytes,
    ]);
    const directory = await temporaryFolder(Object.fromEntries(files));
    // Archives that hold such files also hold folders of the other names.
    await mkdir(join(directory, 'train-images-idx3-ubyte'));
    const { train, test } = await loadMnist({ directory });
    expect([train.size, test.size]).toEqual([30, 20]);
    expect(await loadMnist({ cacheDirectory: directory, download: false })).toEqual({
      train,
      test,
    });
  });

  it('reads mnist_train.csv and mnist_test.csv if there are no IDX files', async () => {
    const directory = await temporaryFolder({
      'mnist_train.csv': CSV_ROWS,
      'mnist_test.csv.gz': gzipSync(CSV_ROWS),
    });
    const { train, test } = await loadMnist({ directory });
    expect([...train.targets]).toEqual([0, 1, 2]);
    expect(test.inputs).toEqual(train.inputs);
  });

  it('uses the directory option, else HANDGRAD_MNIST', async () => {
    vi.stubEnv('HANDGRAD_MNIST', await temporaryFolder(smallMnist()));
    expect((await loadMnist()).train.size).toBe(30);
    const directory = await temporaryFolder({ ...smallMnist(), ...smallTraining(10) });
    expect((await loadMnist({ directory })).train.size).toBe(10);
  });

  it('rejects a folder that does not exist, and downloads nothing', async () => {
    const fetch = vi.fn();
    const directory = join(await temporaryFolder(), 'nowhere');
    await expect(loadMnist({ directory, fetch })).rejects.toThrow(DataError);
    await expect(loadMnist({ directory, fetch })).rejects.toThrow(/nowhere: .*ENOENT.*correct/);
    vi.stubEnv('HANDGRAD_MNIST', directory);
    await expect(loadMnist({ fetch })).rejects.toThrow(/nowhere: .*ENOENT/);
    expect(fetch).not.toHaveBeenCalled();
  });

  it('rejects a file in place of the folder', async () => {
    const directory = join(await temporaryFolder({ file: 'text' }), 'file');
    await expect(loadMnist({ directory })).rejects.toThrow(/ENOTDIR/);
  });

  it('rejects a folder that lacks files, and names them', async () => {
    const { 't10k-labels-idx1-ubyte': _, ...files } = smallMnist();
    await expectRefusal(
      files,
      /mnist_test\.csv, got no t10k-labels-idx1-ubyte; add the missing files/,
    );
    await expectRefusal({}, /got no train-images-idx3-ubyte, no train-labels-idx1-ubyte, /);
  });

  it('rejects a file that cannot be read', async () => {
    const { 't10k-labels-idx1-ubyte': _, ...files } = smallMnist();
    const directory = await temporaryFolder(files);
    await symlink('nowhere', join(directory, 't10k-labels-idx1-ubyte'));
    await expect(loadMnist({ directory })).rejects.toThrow(
      /t10k-labels-idx1-ubyte: expected a readable file, got "ENOENT/,
    );
  });

  it('names a file that is truncated, corrupt or not in IDX format', async () => {
    const swapped = { ...smallMnist(), 'train-images-idx3-ubyte': idxLabels(30) };
    const path = /handgrad-test-\w+.train-images-idx3-ubyte: expected IDX images/;
    await expectRefusal(swapped, path);
    const truncated = {
      ...smallMnist(),
      't10k-images-idx3-ubyte': idxImages(20).subarray(0, 9000),
    };
    await expectRefusal(truncated, /t10k-images-idx3-ubyte: .* = 15680 bytes .*, got 8984/);
    const packed = gzipSync(idxLabels(20)).subarray(0, 20);
    await expectRefusal(
      { ...smallMnist(), 't10k-labels-idx1-ubyte': packed },
      /unpack .*t10k-labels-idx1-ubyte: expected a complete gzip file/,
    );
  });

  it('rejects labels above 9, and a number of labels other than the number of images', async () => {
    const fewer = { ...smallMnist(), 'train-labels-idx1-ubyte': idxLabels(29) };
    await expectRefusal(fewer, /train-labels-idx1-ubyte: expected 30 labels.* got 29/);
    const labels = idxBytes(2049, [20], new Uint8Array(20).fill(12, 7));
    const above = { ...smallMnist(), 't10k-labels-idx1-ubyte': labels };
    await expectRefusal(above, /expected labels 0 … 9, got 12 at index 7/);
  });

  it('names the line of an invalid CSV file', async () => {
    const bad = new TextEncoder().encode(`${CSV_ROWS}\n11,0`);
    const rows = new TextEncoder().encode(CSV_ROWS);
    const files = { 'mnist_train.csv': rows, 'mnist_test.csv': bad };
    await expectRefusal(files, /mnist_test\.csv, line 4: expected a label and 784 pixels/);
  });
});

describe.skipIf(noMnist)(
  'the real MNIST (needs HANDGRAD_MNIST, or ../shared/mnist beside the repository)',
  () => {
    it('has 60,000 and 10,000 images, mean 0.1307 and standard deviation 0.3081', async () => {
      const { train, test } = await loadMnist({ directory: realMnist });
      expect([train.size, test.size]).toEqual([60_000, 10_000]);
      expect(train.normalization.mean).toBeCloseTo(0.1306605, 7);
      expect(train.normalization.std).toBeCloseTo(0.3081078, 7);
      expect(test.normalization).toEqual(train.normalization);
    });

    it('is classified by the nearest mean image with the known accuracy', async () => {
      const { train, test } = await loadMnist({ directory: realMnist });
      const percent = (a: typeof train, b: typeof test, metric: 'l1' | 'l2') =>
        (100 * nearestMean(a, b, { metric }).accuracy).toFixed(2);
      expect(percent(train, test, 'l1')).toBe('66.85');
      expect(percent(train, test, 'l2')).toBe('82.03');
      const [train37, test37] = [selectClasses(train, [3, 7]), selectClasses(test, [3, 7])];
      expect(percent(train37, test37, 'l1')).toBe('95.14');
      expect(percent(train37, test37, 'l2')).toBe('96.61');
    });
  },
);

function smallTraining(count: number): Record<string, Uint8Array> {
  return {
    'train-images-idx3-ubyte': idxImages(count),
    'train-labels-idx1-ubyte': idxLabels(count),
  };
}
