import { RandomStream, STREAMS, shuffle } from '../random/threefry.js';
import { naturalOrder } from './device-datasets.js';

/** Which example comes when in an epoch: the same array as long as it is the same epoch. */
export class EpochOrder {
  readonly #size: number;
  readonly #seed: number | undefined;
  #latest: { readonly epoch: number; readonly indices: Int32Array } | undefined;

  /** @param seed of the shuffles; without one, every epoch has the dataset's own order */
  constructor(size: number, seed: number | undefined) {
    this.#size = size;
    this.#seed = seed;
  }

  /** @param epoch counted from 0, over all runs of a trainer */
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
