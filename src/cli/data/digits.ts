/** Digits for training and testing: from a folder, the cache folder or a download, or synthetic. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Normalization, Splits } from '../../data/dataset.js';
import { loadMnist } from '../../data/mnist.js';
import { missingFiles } from '../../data/mnist-folder.js';
import { syntheticDigits } from '../../data/synthetic/synthetic-digits.js';
import { DataError, reasonOf } from '../../errors.js';
import { defaultCacheFolder } from '../../platform/cache-folder.js';
import { note, warn } from '../output/print.js';
import { DownloadBar } from './download-bar.js';

/** Mean and standard deviation of MNIST's training split, for commands that do not load it. */
export const MNIST_NORMALIZATION: Normalization = { mean: 0.1307, std: 0.3081 };

/** The value of `--data` that selects digits drawn by the program. */
export const SYNTHETIC = 'synthetic';

export interface Digits {
  readonly splits: Splits;
  /** The value of `--data` that selects these digits: an absolute path, or `synthetic`. */
  readonly source: string;
}

/**
 * Opens the digits that `--data` names. Without `--data`, opens `$HANDGRAD_MNIST`, else the cache
 * folder, else downloads MNIST. If neither is set and the download fails, returns synthetic digits
 * and prints a warning.
 *
 * @throws DataError when a named folder lacks the files, or a file is corrupt
 */
export async function openDigits(data: string | undefined, signal?: AbortSignal): Promise<Digits> {
  const named = data ?? (process.env.HANDGRAD_MNIST || undefined);
  if (named === SYNTHETIC) return drawDigits();
  if (named !== undefined) return readDigits(resolve(named));
  const cache = await defaultCacheFolder();
  if ((await missingFiles(cache)).length === 0) return readDigits(cache);
  return downloadDigits(cache, signal);
}

/** The data source of an earlier run if it still exists: the default of `--data`. */
export function earlierSource(source: string | undefined): string | undefined {
  const exists = source !== undefined && (source === SYNTHETIC || existsSync(source));
  return exists ? source : undefined;
}

function drawDigits(): Digits {
  return { splits: syntheticDigits(), source: SYNTHETIC };
}

async function readDigits(directory: string): Promise<Digits> {
  return { splits: await loadMnist({ directory }), source: directory };
}

async function downloadDigits(cache: string, signal: AbortSignal | undefined): Promise<Digits> {
  note(`downloading MNIST (11 MB, only once) to ${cache}`);
  const bar = new DownloadBar();
  try {
    const splits = await loadMnist({ signal, onProgress: (progress) => bar.update(progress) });
    return { splits, source: cache };
  } catch (error) {
    signal?.throwIfAborted();
    const isComplete = (await missingFiles(cache)).length === 0;
    if (isComplete || !(error instanceof DataError)) throw error;
    warn(`SYNTHETIC DIGITS, drawn by the program, replace MNIST: ${reasonOf(error)}`);
    return drawDigits();
  } finally {
    bar.stop();
  }
}
