import { DataError } from '../errors.js';
import { expectOptions } from '../options.js';
import { defaultCacheFolder } from '../platform/cache-folder.js';
import { inNode } from '../platform/node.js';
import type { PlatformFetch, PlatformSignal } from '../platform/types.js';
import type { Splits } from './dataset.js';
import type { DownloadProgress } from './download-progress.js';
import { parseIdxImages, parseIdxLabels } from './formats/idx.js';
import { digitDatasets, type LabelledImages } from './image-dataset.js';
import { downloadToMemory, type Mirrors } from './mirrors.js';
import { downloadToFolder } from './mnist-cache.js';
import { type Checksums, MNIST_FILES, MNIST_MIRRORS, type MnistFile } from './mnist-files.js';
import { missingFiles, type RawSplits, readFolder } from './mnist-folder.js';

/** Where `loadMnist` finds the files. All options have defaults. */
export interface LoadMnistOptions {
  /**
   * A folder with MNIST's files, or other data in the same formats; `$HANDGRAD_MNIST` by default.
   * Node only.
   */
  readonly directory?: string | undefined;
  /**
   * The column of the labels in CSV files without a header that names it: `'first'` (the default) or
   * `'last'`.
   */
  readonly labelColumn?: 'first' | 'last' | undefined;
  /** Whether to download files that are missing in the cache folder; true by default. */
  readonly download?: boolean | undefined;
  /** Aborts a download. In Node, the content received so far is kept and the next call resumes. */
  readonly signal?: PlatformSignal | undefined;
  /** Called for every chunk of a download. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: PlatformFetch | undefined;
  /** URLs of folders with the `.gz` files, tried in order; `MNIST_MIRRORS` by default. */
  readonly baseUrls?: readonly string[] | undefined;
  /**
   * SHA-256 of the unpacked downloads, for other data in the same formats; `MNIST_FILES` by default.
   */
  readonly checksums?: Checksums | undefined;
  /** Folder for downloads; the platform's cache folder by default. Node only. */
  readonly cacheDirectory?: string | undefined;
}

/**
 * Loads MNIST's 60,000 training and 10,000 test images of handwritten digits.
 *
 * In Node it reads the files from `directory`, else from `$HANDGRAD_MNIST`, else from the cache
 * folder, into which it downloads missing files. If `directory` or `$HANDGRAD_MNIST` is given but
 * lacks files, it throws. In browsers it downloads the files from `baseUrls` on every call.
 *
 * @returns inputs (N, 784) as bytes, targets (N) as digits 0 … 9; both splits are normalised by the
 *   training split's mean and standard deviation, about 0.1307 and 0.3081
 * @throws DataError for missing or corrupt files and failed downloads; call `syntheticDigits()`
 *   instead where neither files nor a network are available
 * @throws the signal's reason when aborted
 * @example const { train, test } = await loadMnist({ directory: 'data/mnist' });
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<Splits> {
  expectOptions('loadMnist', options, {
    directory: 'string',
    download: 'boolean',
    labelColumn: ['first', 'last'],
    signal: 'signal',
    onProgress: 'function',
    fetch: 'function',
    baseUrls: 'strings',
    checksums: 'object',
    cacheDirectory: 'string',
  });
  options.signal?.throwIfAborted();
  const { train, test } = inNode ? await readInNode(options) : await fetchInBrowser(options);
  return digitDatasets('MNIST', train, test);
}

async function readInNode(options: LoadMnistOptions): Promise<RawSplits> {
  const directory = options.directory ?? (globalThis.process.env.HANDGRAD_MNIST || undefined);
  if (directory !== undefined) return readFolder(directory, options);
  const cache = options.cacheDirectory ?? (await defaultCacheFolder());
  const missing = await missingFiles(cache);
  if (missing.length > 0 && options.download === false) {
    throw new DataError(
      `loadMnist: expected the MNIST files in ${cache}, got no ${missing.join(', no ')}; ` +
        'allow the download, point HANDGRAD_MNIST, --data or loadMnist({ directory }) at the files, or use syntheticDigits()',
    );
  }
  for (const file of missing) await downloadToFolder(file, cache, mirrorsOf(options));
  return readFolder(cache, options);
}

async function fetchInBrowser(options: LoadMnistOptions): Promise<RawSplits> {
  if (options.directory !== undefined || options.download === false) {
    const got = options.directory === undefined ? 'download: false' : 'a directory';
    throw new DataError(
      `loadMnist: expected neither directory nor download: false in a browser, got ${got}; pass baseUrls instead`,
    );
  }
  const mirrors = mirrorsOf(options);
  const split = (images: MnistFile, labels: MnistFile) => fetchSplit(images, labels, mirrors);
  return {
    train: await split('train-images-idx3-ubyte', 'train-labels-idx1-ubyte'),
    test: await split('t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'),
  };
}

async function fetchSplit(
  imagesFile: MnistFile,
  labelsFile: MnistFile,
  mirrors: Mirrors,
): Promise<LabelledImages> {
  const images = parseIdxImages(await downloadToMemory(imagesFile, mirrors), imagesFile);
  const labels = parseIdxLabels(await downloadToMemory(labelsFile, mirrors), labelsFile);
  return { images, labels, imagesFile, labelsFile };
}

function mirrorsOf(options: LoadMnistOptions): Mirrors {
  return {
    baseUrls: options.baseUrls ?? MNIST_MIRRORS,
    checksums: options.checksums ?? MNIST_FILES,
    // Called as a method of globalThis: browsers reject a detached fetch.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    signal: options.signal,
    onProgress: options.onProgress,
  };
}
