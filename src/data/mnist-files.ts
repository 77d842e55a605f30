import { DataError } from '../errors.js';
import { type FileBytes, gunzip } from './formats/gzip.js';

/** The four files of MNIST: name without `.gz`, and SHA-256 of the unpacked content. */
export const MNIST_FILES = {
  'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
} as const;

/** The name of one of MNIST's files, without `.gz`. */
export type MnistFile = keyof typeof MNIST_FILES;

/** The names of MNIST's files, without `.gz`. */
export const MNIST_FILE_NAMES = Object.keys(MNIST_FILES) as MnistFile[];

/** SHA-256 of each file's unpacked content, in hexadecimal. */
export type Checksums = Readonly<Record<MnistFile, string>>;

/** Public mirrors of the `.gz` files, tried in this order. */
export const MNIST_MIRRORS: readonly string[] = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
];

/**
 * Unpacks a file and checks its SHA-256.
 *
 * @param packed    the file, plain or gzip
 * @param checksums SHA-256 of the unpacked files
 * @returns the unpacked file
 * @throws DataError for another SHA-256, or without `crypto.subtle`, which computes it
 */
export async function verifiedContent(
  packed: FileBytes,
  file: MnistFile,
  checksums: Checksums,
): Promise<FileBytes> {
  const bytes = await gunzip(packed, file);
  const got = await sha256(bytes);
  if (got === checksums[file]) return bytes;
  throw new DataError(`check ${file}: expected SHA-256 ${checksums[file]}, got ${got}`);
}

async function sha256(bytes: FileBytes): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw new DataError(
      'check a download: expected crypto.subtle for SHA-256, got none; serve the page over https or from localhost',
    );
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
