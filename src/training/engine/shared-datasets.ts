import type { Runtime } from '../../backends/runtime.js';
import { type Dataset, type DatasetArrays, validArrays } from '../../data/dataset.js';
import { type Fingerprint, fingerprintOf, sameFingerprint } from '../../data/fingerprint.js';
import { naturalOrder } from '../../random/threefry.js';
import type { Tensor } from '../../tensor.js';
import { type BatchSource, sourceOf } from '../batch-source.js';

/** A dataset on a backend. The trainers that use it share its memory. */
export interface SharedDataset {
  /** Number of the upload, unique to each: changed data is uploaded again. */
  upload: number;
  /** What was uploaded. */
  fingerprint: Fingerprint;
  /** Prefix of its steps' keys, unique to this dataset. */
  readonly key: string;
  /** Examples in the dataset's own order. */
  readonly inOrder: BatchSource;
  /** Number of trainers that use it. */
  users: number;
}

const ofRuntimes = new WeakMap<Runtime, SharedDatasets>();

/** The datasets on one backend. Each stays there while a trainer uses it. */
export class SharedDatasets {
  readonly #runtime: Runtime;
  /** The latest upload of each dataset; trainers may still use an earlier one with another layout. */
  readonly #latest = new Map<Dataset, SharedDataset>();
  #uploads = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The datasets on the backend with this runtime. */
  static on(runtime: Runtime): SharedDatasets {
    const known = ofRuntimes.get(runtime) ?? new SharedDatasets(runtime);
    ofRuntimes.set(runtime, known);
    return known;
  }

  /**
   * Returns a dataset as it was uploaded; uploads it if no trainer uses it. The caller releases it.
   *
   * @throws ShapeError or DataError when the dataset is not valid
   */
  acquire(dataset: Dataset): SharedDataset {
    const known = this.#latest.get(dataset) ?? this.#upload(dataset);
    this.#latest.set(dataset, known);
    known.users++;
    return known;
  }

  /**
   * Uploads changed data in place, so that compiled steps stay.
   *
   * @returns false when the layout changed: the caller then releases `shared`, and acquires the
   *   dataset again
   * @throws ShapeError or DataError when the dataset is not valid
   */
  update(dataset: Dataset, shared: SharedDataset): boolean {
    const fingerprint = fingerprintOf(dataset);
    if (sameFingerprint(shared.fingerprint, fingerprint)) return true;
    if (shared.fingerprint.layout !== fingerprint.layout) {
      if (this.#latest.get(dataset) === shared) this.#latest.delete(dataset);
      return false;
    }
    this.#write(shared, validArrays(dataset));
    shared.upload = ++this.#uploads;
    shared.fingerprint = fingerprint;
    return true;
  }

  /** Releases the memory of a dataset that no other trainer uses. */
  release(dataset: Dataset, shared: SharedDataset): void {
    shared.users--;
    if (shared.users > 0) return;
    if (this.#latest.get(dataset) === shared) this.#latest.delete(dataset);
    this.#free(shared);
  }

  #upload(dataset: Dataset): SharedDataset {
    const arrays = validArrays(dataset);
    const upload = ++this.#uploads;
    const fingerprint = fingerprintOf(dataset);
    const inOrder = sourceOf(dataset);
    const shared = { key: `dataset ${upload}`, upload, fingerprint, inOrder, users: 0 };
    try {
      this.#write(shared, arrays);
      this.#runtime.write(inOrder.index, naturalOrder(dataset.size));
    } catch (error) {
      this.#free(shared);
      throw error;
    }
    return shared;
  }

  #write({ inOrder }: SharedDataset, { inputs, targets }: DatasetArrays): void {
    this.#runtime.write(inOrder.inputs, inputs);
    this.#runtime.write(inOrder.targets as Tensor, targets);
  }

  #free({ inOrder: { inputs, targets, index } }: SharedDataset): void {
    this.#runtime.release([inputs, targets as Tensor, index]);
  }
}
