import type { Runtime } from '../../backends/runtime.js';
import { type Dataset, type DatasetArrays, validArrays } from '../../data/dataset.js';
import { type Fingerprint, fingerprintOf, sameFingerprint } from '../../data/fingerprint.js';
import { naturalOrder } from '../../random/threefry.js';
import { persistent, type Tensor } from '../../tensor.js';
import { type BatchSource, sourceOf } from '../batch-source.js';

/** A dataset on the backend, with two orders of its examples. */
export interface UploadedDataset {
  /** Number of the upload, unique to each: changed data is uploaded again. */
  upload: number;
  /** What was uploaded. */
  fingerprint: Fingerprint;
  /** Prefix of its steps' keys, unique to this dataset. */
  readonly key: string;
  /** Examples in the dataset's own order, for evaluation. */
  readonly inOrder: BatchSource;
  /** Examples in the order of the current epoch, for training. */
  readonly shuffled: BatchSource;
}

/** How many datasets stay on the backend: training and validation split, and two others. */
const CAPACITY = 4;

/** Uploads datasets on first use and after changes, and keeps the most recently used ones on the backend. */
export class UploadedDatasets {
  readonly #runtime: Runtime;
  readonly #onDrop: (dropped: UploadedDataset) => void;
  readonly #entries = new Map<Dataset, UploadedDataset>();
  #uploads = 0;

  /** @param onDrop called before a dataset's memory is released */
  constructor(runtime: Runtime, onDrop: (dropped: UploadedDataset) => void) {
    this.#runtime = runtime;
    this.#onDrop = onDrop;
  }

  /** Whether a dataset on the backend has changed since its upload, as far as samples show. */
  hasChanged(dataset: Dataset): boolean {
    const known = this.#entries.get(dataset);
    return known !== undefined && !sameFingerprint(known.fingerprint, fingerprintOf(dataset));
  }

  /** Number of a dataset's upload; 0 if it is not on the backend. */
  uploadOf(dataset: Dataset): number {
    return this.#entries.get(dataset)?.upload ?? 0;
  }

  /**
   * Returns a dataset as `get` does, and uploads it again if it has changed.
   *
   * @throws ShapeError or DataError when the dataset is not valid
   */
  refresh(dataset: Dataset): UploadedDataset {
    const known = this.#entries.get(dataset);
    if (known) this.#update(dataset, known);
    return this.get(dataset);
  }

  /**
   * Returns a dataset as it was uploaded; uploads it on first use.
   *
   * @throws ShapeError or DataError when the dataset is not valid
   */
  get(dataset: Dataset): UploadedDataset {
    const known = this.#entries.get(dataset);
    this.#entries.delete(dataset);
    const entry = known ?? this.#upload(dataset);
    this.#entries.set(dataset, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= CAPACITY) break;
      this.#drop(oldest);
    }
    return entry;
  }

  #upload(dataset: Dataset): UploadedDataset {
    const arrays = validArrays(dataset);
    const inOrder = sourceOf(dataset);
    const shuffled = { ...inOrder, index: persistent('index', [dataset.size], 'int32') };
    const upload = ++this.#uploads;
    const key = `dataset ${upload}`;
    const entry = { key, upload, fingerprint: fingerprintOf(dataset), inOrder, shuffled };
    try {
      this.#write(entry, arrays);
      this.#runtime.write(inOrder.index, naturalOrder(dataset.size));
    } catch (error) {
      this.#release(entry);
      throw error;
    }
    return entry;
  }

  /** Uploads changed data in place, so that compiled steps stay; drops data whose layout changed. */
  #update(dataset: Dataset, entry: UploadedDataset): void {
    const fingerprint = fingerprintOf(dataset);
    if (sameFingerprint(entry.fingerprint, fingerprint)) return;
    if (entry.fingerprint.layout !== fingerprint.layout) {
      this.#drop(dataset);
      return;
    }
    this.#write(entry, validArrays(dataset));
    entry.upload = ++this.#uploads;
    entry.fingerprint = fingerprint;
  }

  #write({ inOrder }: UploadedDataset, { inputs, targets }: DatasetArrays): void {
    this.#runtime.write(inOrder.inputs, inputs);
    this.#runtime.write(inOrder.targets as Tensor, targets);
  }

  #drop(dataset: Dataset): void {
    const entry = this.#entries.get(dataset);
    if (!entry) return;
    this.#entries.delete(dataset);
    this.#onDrop(entry);
    this.#release(entry);
  }

  #release({ inOrder: { inputs, targets, index }, shuffled }: UploadedDataset): void {
    this.#runtime.release([inputs, targets as Tensor, index, shuffled.index]);
  }
}
