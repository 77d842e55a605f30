/** Digits to train on and to test with: from a folder, the cache, the network, or drawn. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defaultCacheFolder } from '../../cache-folder.js';
import type { Normalization, Splits } from '../../data/dataset.js';
import { loadMnist } from '../../data/mnist.js';
import { missingFiles } from '../../data/mnist-folder.js';
import { syntheticDigits } from '../../data/synthetic.js';
import { DataError, reasonOf } from '../../errors.js';
import { note, warn } from '../output/print.js';
import { DownloadBar } from './download-bar.js';

/** Of MNIST's training split, where there is no data to compute it from. */
export const MNIST_NORMALIZATION: Normalization = { mean: 0.1307, std: 0.3081 };

/** The `--data` of digits that the program draws. */
export const SYNTHETIC = 'synthetic';

export interface Digits {
  readonly splits: Splits;
  /** What `--data` would name them by: a folder's full path, or `synthetic`. */
  readonly source: string;
}

/**
 * The digits that `--data` names; without it those of `$HANDGRAD_MNIST`, of the cache folder, or
 * of the network. Only where nobody named a place and nothing can be downloaded do synthetic
 * digits stand in, and stderr says so.
 *
 * @throws DataError for a named folder that lacks the files, and for files that are corrupt
 */
export async function openDigits(data: string | undefined, signal?: AbortSignal): Promise<Digits> {
  const named = data ?? (process.env.HANDGRAD_MNIST || undefined);
  if (named === SYNTHETIC) return drawDigits();
  if (named !== undefined) return readDigits(resolve(named));
  const cache = await defaultCacheFolder();
  if ((await missingFiles(cache)).length === 0) return readDigits(cache);
  return downloadDigits(cache, signal);
}

/** The source that an earlier run names, if it is there still, to be used unless `--data` says more. */
export function earlierSource(source: string | undefined): string | undefined {
  const isThere = source !== undefined && (source === SYNTHETIC || existsSync(source));
  return isThere ? source : undefined;
}

function drawDigits(): Digits {
  return { splits: syntheticDigits(), source: SYNTHETIC };
}

async function readDigits(directory: string): Promise<Digits> {
  return { splits: await loadMnist({ directory }), source: directory };
}

async function downloadDigits(cache: string, signal: AbortSignal | undefined): Promise<Digits> {
  note(`downloading MNIST (11 MB, this once) to ${cache}`);
  const bar = new DownloadBar();
  try {
    const splits = await loadMnist({ signal, onProgress: (progress) => bar.update(progress) });
    return { splits, source: cache };
  } catch (error) {
    signal?.throwIfAborted();
    const arrived = (await missingFiles(cache)).length === 0;
    if (arrived || !(error instanceof DataError)) throw error;
    warn(`SYNTHETIC DIGITS, drawn by the program, stand in for MNIST: ${reasonOf(error)}`);
    return drawDigits();
  } finally {
    bar.stop();
  }
}
