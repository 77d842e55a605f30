import type { Runtime } from '../../backends/runtime.js';
import type { Dataset } from '../../data/dataset.js';
import { fingerprintOf, sameFingerprint } from '../../data/fingerprint.js';
import { persistent } from '../../tensor.js';
import type { BatchSource } from '../batch-source.js';
import { Pace } from '../pace.js';
import { type SharedDataset, SharedDatasets } from './shared-datasets.js';

/** A dataset on the backend as one trainer uses it, with two orders of its examples. */
export interface UploadedDataset {
  readonly shared: SharedDataset;
  /** Prefix of its steps' keys, unique to this dataset. */
  readonly key: string;
  /** Examples in the dataset's own order, for evaluation. */
  readonly inOrder: BatchSource;
  /** Examples in the order of the trainer's current epoch. */
  readonly shuffled: BatchSource;
  /** How many batches are evaluated at once. */
  readonly pace: Pace;
}

/** How long one call of an evaluation into the backend should take. */
const EVALUATION_MILLISECONDS = 25;

/** How many datasets a trainer keeps: training and validation split, and two others. */
const CAPACITY = 4;

/**
 * The datasets of one trainer: uploads them on first use and after changes, and keeps the most
 * recently used ones on the backend.
 */
export class UploadedDatasets {
  readonly #runtime: Runtime;
  readonly #onDrop: (dropped: UploadedDataset) => void;
  readonly #all: SharedDatasets;
  readonly #entries = new Map<Dataset, UploadedDataset>();

  /** @param onDrop called before a dataset's memory is released */
  constructor(runtime: Runtime, onDrop: (dropped: UploadedDataset) => void) {
    this.#runtime = runtime;
    this.#onDrop = onDrop;
    this.#all = SharedDatasets.on(runtime);
  }

  /** Whether a dataset on the backend has changed since its upload, as far as samples show. */
  hasChanged(dataset: Dataset): boolean {
    const known = this.#entries.get(dataset);
    return (
      known !== undefined && !sameFingerprint(known.shared.fingerprint, fingerprintOf(dataset))
    );
  }

  /** Number of a dataset's upload; 0 if it is not on the backend. */
  uploadOf(dataset: Dataset): number {
    return this.#entries.get(dataset)?.shared.upload ?? 0;
  }

  /**
   * Returns a dataset as `get` does, and uploads it again if it has changed.
   *
   * @throws ShapeError or DataError when the dataset is not valid
   */
  refresh(dataset: Dataset): UploadedDataset {
    let entry = this.get(dataset);
    while (!this.#all.update(dataset, entry.shared)) {
      this.#drop(dataset);
      entry = this.get(dataset);
    }
    return entry;
  }

  /**
   * Returns a dataset as it was uploaded; uploads it on first use.
   *
   * @throws ShapeError or DataError when the dataset is not valid
   */
  get(dataset: Dataset): UploadedDataset {
    const known = this.#entries.get(dataset);
    this.#entries.delete(dataset);
    const entry = known ?? this.#entryOf(this.#all.acquire(dataset));
    this.#entries.set(dataset, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= CAPACITY) break;
      this.#drop(oldest);
    }
    return entry;
  }

  /** Releases all datasets that no other trainer uses. */
  clear(): void {
    for (const dataset of [...this.#entries.keys()]) this.#drop(dataset);
  }

  #drop(dataset: Dataset): void {
    const entry = this.#entries.get(dataset);
    if (!entry) return;
    this.#entries.delete(dataset);
    this.#onDrop(entry);
    this.#all.release(dataset, entry.shared);
    this.#runtime.release([entry.shuffled.index]);
  }

  #entryOf(shared: SharedDataset): UploadedDataset {
    const { key, inOrder } = shared;
    const index = persistent('index', inOrder.index.shape, 'int32');
    const pace = new Pace(EVALUATION_MILLISECONDS, () => this.#runtime.wait ?? 0);
    return { shared, key, inOrder, shuffled: { ...inOrder, index }, pace };
  }
}
