import type { Dataset } from '../../data/dataset.js';
import { type Fingerprint, fingerprintOf, sameFingerprint } from '../../data/fingerprint.js';
import { ShapeError, TrainingError } from '../../errors.js';
import type { Engine } from '../engine/engine.js';

/** The training data of a run. Its values may change between epochs, its sizes may not. */
export class RunData {
  readonly dataset: Dataset;
  /** Number of examples at the start of the run. */
  readonly size: number;
  readonly #engine: Engine;
  readonly #source: Dataset | undefined;
  readonly #sourceAtStart: Fingerprint | undefined;
  readonly #classes: number;
  #upload: number;

  /** @param source the dataset that `dataset` was copied from; undefined if it is no copy */
  constructor(engine: Engine, dataset: Dataset, source: Dataset | undefined) {
    this.#engine = engine;
    this.dataset = dataset;
    this.size = dataset.size;
    this.#classes = dataset.classes;
    this.#source = source;
    this.#sourceAtStart = source && fingerprintOf(source);
    this.#upload = engine.datasets.uploadOf(dataset);
  }

  /**
   * Whether the data changed since it was uploaded.
   *
   * @throws ShapeError when its sizes changed, which a run cannot follow
   * @throws TrainingError when the source of a copy changed
   */
  hasChanged(): boolean {
    const { name, size, classes } = this.dataset;
    if (size !== this.size || classes !== this.#classes) {
      throw new ShapeError(
        `fit: expected ${name} to keep ${this.size} examples of ${this.#classes} classes during a run, got ${size} of ${classes}; call fit again`,
      );
    }
    if (this.#source && this.#sourceAtStart) {
      if (!sameFingerprint(fingerprintOf(this.#source), this.#sourceAtStart)) {
        throw new TrainingError(
          `fit: expected ${this.#source.name} unchanged during a run with validationSplit, which copies it, got a change; change the parts that split returns`,
        );
      }
      // The copy is private to the run, so only its source can change.
      return false;
    }
    return this.#engine.datasets.hasChanged(this.dataset);
  }

  /** Whether the data was uploaded again since the last call of this method. */
  wasUploaded(): boolean {
    const upload = this.#engine.datasets.uploadOf(this.dataset);
    const isNew = upload !== this.#upload;
    this.#upload = upload;
    return isNew;
  }
}
