import type { Runtime } from '../../backends/runtime.js';
import { type Dataset, validArrays } from '../../data/dataset.js';
import { persistent, type Tensor } from '../../tensor.js';
import { type BatchSource, sourceOf } from '../batch-source.js';

/** A dataset on the backend, with two orders of its examples. */
export interface UploadedDataset {
  /** Prefix of its steps' keys, unique to this dataset. */
  readonly key: string;
  /** Examples in the dataset's own order, for evaluation. */
  readonly inOrder: BatchSource;
  /** Examples in the order of the current epoch, for training. */
  readonly shuffled: BatchSource;
}

/** How many datasets stay on the backend: training and validation split, and two others. */
const CAPACITY = 4;

/** Uploads datasets on first use, and keeps the most recently used ones on the backend. */
export class UploadedDatasets {
  readonly #runtime: Runtime;
  readonly #onDrop: (dropped: UploadedDataset) => void;
  readonly #entries = new Map<Dataset, UploadedDataset>();
  #count = 0;

  /** @param onDrop called before a dataset's memory is released */
  constructor(runtime: Runtime, onDrop: (dropped: UploadedDataset) => void) {
    this.#runtime = runtime;
    this.#onDrop = onDrop;
  }

  /** @throws ShapeError or DataError when the dataset is not valid */
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
    const { inputs, targets } = validArrays(dataset);
    const inOrder = sourceOf(dataset);
    const shuffled = { ...inOrder, index: persistent('index', [dataset.size], 'int32') };
    const entry = { key: `dataset ${this.#count++}`, inOrder, shuffled };
    try {
      this.#runtime.write(inOrder.inputs, inputs);
      this.#runtime.write(inOrder.targets as Tensor, targets);
      this.#runtime.write(inOrder.index, naturalOrder(dataset.size));
    } catch (error) {
      this.#release(entry);
      throw error;
    }
    return entry;
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

/** The indices 0, 1, …, size − 1. */
export function naturalOrder(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => i);
}
