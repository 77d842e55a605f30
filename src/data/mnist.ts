import { defaultCacheFolder } from '../cache-folder.js';
import { DataError } from '../errors.js';
import { inNode } from '../node.js';
import type { Splits } from './dataset.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';
import { digitDatasets, type LabelledImages } from './image-dataset.js';
import { type DownloadProgress, downloadToMemory, type Mirrors } from './mirrors.js';
import { downloadToFolder } from './mnist-cache.js';
import { type Checksums, MNIST_FILES, MNIST_MIRRORS, type MnistFile } from './mnist-files.js';
import { missingFiles, type RawSplits, readFolder } from './mnist-folder.js';

/** Where `loadMnist` finds the files. */
export interface LoadMnistOptions {
  /** A folder with the files; they may hold other data in the same form. Node only. */
  readonly directory?: string | undefined;
  /** Whether files that are not in the cache folder may be downloaded; true if not given. */
  readonly download?: boolean | undefined;
  /** Stops a download; what has arrived is kept for the next one. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each piece of a download that arrives. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Addresses of folders with the `.gz` files, tried in turn; the public mirrors if not given. */
  readonly baseUrls?: readonly string[] | undefined;
  /** What downloads must unpack to, for mirrors of other data in the same form. */
  readonly checksums?: Checksums | undefined;
  /** Folder for downloads, instead of the platform's cache folder. Node only. */
  readonly cacheDirectory?: string | undefined;
}

/**
 * Loads MNIST's 60,000 training and 10,000 test images of handwritten digits.
 *
 * In Node the files come from `directory`, else from `$HANDGRAD_MNIST`, else from the cache folder,
 * into which they are downloaded first if need be. A folder that is named but lacks the files is
 * an error: nothing is put in its place. In browsers they are fetched from `baseUrls`.
 *
 * Inputs are bytes, (N, 784); both splits are normalised by the training split's mean and standard
 * deviation, about 0.1307 and 0.3081.
 *
 * @throws DataError for files that are missing or corrupt, and downloads that fail
 * @throws the signal's reason when aborted
 * @example const { train, test } = await loadMnist({ directory: 'data/mnist' });
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<Splits> {
  options.signal?.throwIfAborted();
  const { train, test } = inNode ? await readInNode(options) : await fetchInBrowser(options);
  return digitDatasets('MNIST', train, test);
}

async function readInNode(options: LoadMnistOptions): Promise<RawSplits> {
  const directory = options.directory ?? (process.env.HANDGRAD_MNIST || undefined);
  if (directory !== undefined) return readFolder(directory);
  const cache = options.cacheDirectory ?? (await defaultCacheFolder());
  const missing = await missingFiles(cache);
  if (missing.length > 0 && options.download === false) {
    throw new DataError(
      `loadMnist: expected the MNIST files in ${cache}, got no ${missing.join(', no ')}; ` +
        'allow the download, point HANDGRAD_MNIST, --data or loadMnist({ directory }) at the files, or use syntheticDigits()',
    );
  }
  for (const file of missing) await downloadToFolder(file, cache, mirrorsOf(options));
  return readFolder(cache);
}

async function fetchInBrowser(options: LoadMnistOptions): Promise<RawSplits> {
  if (options.directory !== undefined || options.download === false) {
    const got = options.directory === undefined ? 'download: false' : 'a directory';
    throw new DataError(
      `loadMnist: expected to fetch the files, as browsers must, got ${got}; give baseUrls instead`,
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
    // Called through globalThis: browsers refuse a fetch that has lost its receiver.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    signal: options.signal,
    onProgress: options.onProgress,
  };
}
