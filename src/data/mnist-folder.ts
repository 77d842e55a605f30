/** MNIST from a folder of files. Runs in Node only. */

import { DataError, reasonOf } from '../errors.js';
import { nodeModule } from '../node.js';
import { parseCsvDigits } from './csv.js';
import { type FileBytes, gunzip } from './gzip.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';
import type { LabelledImages } from './image-dataset.js';
import { MNIST_FILE_NAMES } from './mnist-files.js';

const CSV_FILE_NAMES = ['mnist_train.csv', 'mnist_test.csv'];

/** The two splits as they are in the files. */
export interface RawSplits {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

/**
 * Reads the four IDX files in `folder`, or else its two CSV files; each plain or `.gz`.
 *
 * @throws DataError for a folder or files that are not there or cannot be used
 */
export async function readFolder(folder: string): Promise<RawSplits> {
  const present = new Set(await listFolder(folder));
  const idx = await locate(MNIST_FILE_NAMES, present, folder);
  if (!idx.includes(undefined)) return readIdxFiles(idx as string[]);
  const csv = await locate(CSV_FILE_NAMES, present, folder);
  if (!csv.includes(undefined)) return readCsvFiles(csv as string[]);
  const missing = MNIST_FILE_NAMES.filter((_, i) => idx[i] === undefined);
  throw new DataError(
    `read MNIST from ${folder}: expected ${MNIST_FILE_NAMES.join(', ')} (plain or .gz), ` +
      `or ${CSV_FILE_NAMES.join(' and ')}, got no ${missing.join(', no ')}; ` +
      'add what is missing, or use synthetic digits',
  );
}

/** Which of MNIST's IDX files `folder` lacks; all of them where there is no such folder. */
export async function missingFiles(folder: string) {
  const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const present = new Set(await fs.readdir(folder).catch(() => [] as string[]));
  return MNIST_FILE_NAMES.filter((name) => !present.has(name) && !present.has(`${name}.gz`));
}

async function listFolder(folder: string): Promise<string[]> {
  const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  try {
    return await fs.readdir(folder);
  } catch (error) {
    throw new DataError(
      `read MNIST from ${folder}: expected a folder with the MNIST files, got "${reasonOf(error)}"; ` +
        'correct --data, the directory or HANDGRAD_MNIST',
      { cause: error },
    );
  }
}

/** The path of each of `names`, plain before `.gz`, undefined where it is not there. */
async function locate(
  names: readonly string[],
  present: ReadonlySet<string>,
  folder: string,
): Promise<(string | undefined)[]> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  return names.map((name) => {
    const found = [name, `${name}.gz`].find((candidate) => present.has(candidate));
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

async function readCsvFiles([train, test]: string[]): Promise<RawSplits> {
  return {
    train: await parseCsvDigits(await readUnpacked(train), train),
    test: await parseCsvDigits(await readUnpacked(test), test),
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
  // A plain Uint8Array, since a Buffer's slice() does not copy as everybody else's does.
  return gunzip(new Uint8Array(file.buffer, file.byteOffset, file.length), path);
}
