/** MNIST from a folder of files. Node only. */

import { DataError, reasonOf } from '../errors.js';
import { nodeModule } from '../platform/node.js';
import { type CsvDigitsOptions, parseCsvDigits } from './formats/csv.js';
import { type FileBytes, gunzip } from './formats/gzip.js';
import { parseIdxImages, parseIdxLabels } from './formats/idx.js';
import type { LabelledImages } from './image-dataset.js';
import { MNIST_FILE_NAMES } from './mnist-files.js';

const CSV_FILE_NAMES = ['mnist_train.csv', 'mnist_test.csv'];

/** The two splits as read from files. */
export interface RawSplits {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

/**
 * Reads the four IDX files in `folder`, or its two CSV files if IDX files are missing; each plain
 * or `.gz`.
 *
 * @throws DataError when the folder or files are missing, unreadable or corrupt
 */
export async function readFolder(
  folder: string,
  options: CsvDigitsOptions = {},
): Promise<RawSplits> {
  const present = await listFolder(folder);
  const idx = await locate(MNIST_FILE_NAMES, present, folder);
  if (!idx.includes(undefined)) return readIdxFiles(idx as string[]);
  const csv = await locate(CSV_FILE_NAMES, present, folder);
  if (!csv.includes(undefined)) return readCsvFiles(csv as string[], options);
  const missing = MNIST_FILE_NAMES.filter((_, i) => idx[i] === undefined);
  throw new DataError(
    `read MNIST from ${folder}: expected ${MNIST_FILE_NAMES.join(', ')} (plain or .gz), ` +
      `or ${CSV_FILE_NAMES.join(' and ')}, got no ${missing.join(', no ')}; ` +
      'add the missing files, or use synthetic digits',
  );
}

/** MNIST's IDX files that are missing in `folder`; all of them if the folder does not exist. */
export async function missingFiles(folder: string) {
  const present = await filesIn(folder).catch(() => new Set<string>());
  return MNIST_FILE_NAMES.filter((name) => presentName(name, present) === undefined);
}

/**
 * The name under which a file is there: as it is, with a dot as in `train-images.idx3-ubyte`, or either
 * with `.gz`.
 */
function presentName(name: string, present: ReadonlySet<string>): string | undefined {
  const dotted = name.replace('-idx', '.idx');
  return [name, dotted, `${name}.gz`, `${dotted}.gz`].find((each) => present.has(each));
}

/** The names in a folder, without those of folders: archives unpack files into folders of their names. */
async function filesIn(folder: string): Promise<Set<string>> {
  const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const entries = await fs.readdir(folder, { withFileTypes: true });
  return new Set(entries.filter((each) => !each.isDirectory()).map(({ name }) => name));
}

async function listFolder(folder: string): Promise<ReadonlySet<string>> {
  try {
    return await filesIn(folder);
  } catch (error) {
    throw new DataError(
      `read MNIST from ${folder}: expected a folder with the MNIST files, got "${reasonOf(error)}"; ` +
        'correct --data, the directory or HANDGRAD_MNIST',
      { cause: error },
    );
  }
}

/** The path of each of `names`, preferring plain files to `.gz`; undefined for missing files. */
async function locate(
  names: readonly string[],
  present: ReadonlySet<string>,
  folder: string,
): Promise<(string | undefined)[]> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  return names.map((name) => {
    const found = presentName(name, present);
    return found === undefined ? undefined : join(folder, found);
  });
}

async function readIdxFiles(paths: string[]): Promise<RawSplits> {
  const [trainImages, trainLabels, testImages, testLabels] = paths;
  return {
    train: await readIdxSplit(trainImages, trainLabels),
    test: await readIdxSplit(testImages, testLabels),
  };
}

async function readIdxSplit(imagesFile: string, labelsFile: string): Promise<LabelledImages> {
  const images = parseIdxImages(await readUnpacked(imagesFile), imagesFile);
  const labels = parseIdxLabels(await readUnpacked(labelsFile), labelsFile);
  return { images, labels, imagesFile, labelsFile };
}

async function readCsvFiles(
  [train, test]: string[],
  { labelColumn }: CsvDigitsOptions,
): Promise<RawSplits> {
  return {
    train: await parseCsvDigits(await readUnpacked(train), train, { labelColumn }),
    test: await parseCsvDigits(await readUnpacked(test), test, { labelColumn }),
  };
}

async function readUnpacked(path: string): Promise<FileBytes> {
  const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  let file: Buffer<ArrayBuffer>;
  try {
    file = await fs.readFile(path);
  } catch (error) {
    throw new DataError(`read ${path}: expected a readable file, got "${reasonOf(error)}"`, {
      cause: error,
    });
  }
  // A plain Uint8Array: slice() of a Buffer does not copy.
  return gunzip(new Uint8Array(file.buffer, file.byteOffset, file.length), path);
}
