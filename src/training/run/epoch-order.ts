import { naturalOrder, RandomStream, STREAMS, shuffle } from '../../random/threefry.js';

/** The order of examples in each epoch. Returns the same array while the epoch is the same. */
export class EpochOrder {
  readonly #size: number;
  readonly #seed: number | undefined;
  #latest: { readonly epoch: number; readonly indices: Int32Array } | undefined;

  /** @param seed of the shuffles; undefined for the dataset's own order in every epoch */
  constructor(size: number, seed: number | undefined) {
    this.#size = size;
    this.#seed = seed;
  }

  /**
   * The indices of the examples in the order of one epoch.
   *
   * @param epoch from 0, counted over all runs of a trainer
   */
  of(epoch: number): Int32Array {
    if (this.#latest?.epoch === epoch) return this.#latest.indices;
    const indices = naturalOrder(this.#size);
    if (this.#seed !== undefined) {
      shuffle(indices, new RandomStream(this.#seed, STREAMS.shuffle, epoch));
    }
    this.#latest = { epoch, indices };
    return indices;
  }
}
