import type { Tensor, Values } from '../../tensor.js';
import type { Engine } from '../engine/engine.js';
import type { RunPosition } from './run-settings.js';

/**
 * Time between two snapshots of the training state, which is restored after a loss that is not
 * finite.
 */
const SNAPSHOT_MILLISECONDS = 2000;

/** The state of training at one position of a run. */
export interface Snapshot {
  readonly values: readonly Values[];
  readonly position: RunPosition;
}

/**
 * Saves the state of a run every two seconds. A snapshot is good once a loss computed from it was
 * finite: before that, the latest update may have made the weights infinite or NaN.
 */
export class Snapshots {
  readonly #engine: Engine;
  readonly #tensors: readonly Tensor[];
  #good: Snapshot | undefined;
  #candidate: Snapshot | undefined;
  #candidateTime = -Infinity;

  constructor(engine: Engine, tensors: readonly Tensor[]) {
    this.#engine = engine;
    this.#tensors = tensors;
  }

  /** Whether the latest snapshot is at least two seconds old. */
  get isDue(): boolean {
    return performance.now() - this.#candidateTime >= SNAPSHOT_MILLISECONDS;
  }

  /** The latest snapshot that a finite loss was computed from; before the first loss, the first one. */
  get latestGood(): Snapshot | undefined {
    return this.#good ?? this.#candidate;
  }

  /** Takes a snapshot if one is due. The weights must be those at `position`. */
  async takeIfDue(position: RunPosition): Promise<void> {
    if (this.isDue) await this.#take(position);
  }

  /**
   * Takes a snapshot, and marks it as good if its values are finite: steps before it cannot be
   * repeated, since their data has changed.
   */
  async takeGood(position: RunPosition): Promise<void> {
    const values = await this.#take(position);
    if (values.every((array) => array.every(Number.isFinite))) this.markGood();
  }

  async #take(position: RunPosition): Promise<readonly Values[]> {
    this.#candidateTime = performance.now();
    const at = { ...position };
    const values = await this.#engine.read(this.#tensors);
    this.#candidate = { values, position: at };
    return values;
  }

  /** Marks the latest snapshot as good: a loss computed from it was finite. */
  markGood(): void {
    this.#good = this.#candidate ?? this.#good;
  }
}
