/** Temporary folders that the program reads from and writes to. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Dataset, syntheticDigits } from '../../src/data/index.js';
import { idxBytes } from '../data/idx-bytes.js';

/** A temporary folder. Its path is set when the tests of the file begin. */
export interface Folder {
  readonly path: string;
  at(name: string): string;
}

/** Creates a folder before the tests of a file, and deletes it after them. */
export function useFolder(fill?: (path: string) => Promise<void>): Folder {
  let path = '';
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'handgrad-cli-'));
    await fill?.(path);
  });
  afterAll(() => rm(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    at: (name) => join(path, name),
  };
}

export const DIGITS = syntheticDigits({ trainSize: 600, testSize: 200 });

/** A folder with 600 training and 200 test images in MNIST's file format. */
export function useDigits(): Folder {
  return useFolder(async (path) => {
    await writeSplit(path, 'train', DIGITS.train);
    await writeSplit(path, 't10k', DIGITS.test);
  });
}

async function writeSplit(path: string, prefix: string, dataset: Dataset): Promise<void> {
  const { size, inputs, targets } = dataset;
  const images = idxBytes(2051, [size, 28, 28], inputs);
  await writeFile(join(path, `${prefix}-images-idx3-ubyte`), images);
  await writeFile(join(path, `${prefix}-labels-idx1-ubyte`), idxBytes(2049, [size], targets));
}
