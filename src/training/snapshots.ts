import type { Tensor, Values } from '../tensor.js';
import type { Engine } from './engine.js';
import type { RunPosition } from './run.js';

/** How often the state of training is set aside, to return to if the loss stops being finite. */
const SNAPSHOT_MILLISECONDS = 2000;

/** The state of training at some moment of a run. */
export interface Snapshot {
  readonly values: readonly Values[];
  readonly position: RunPosition;
}

/**
 * Sets the state of a run aside now and then. A snapshot counts as good only once a loss computed
 * from it was finite, since an update may already have ruined the weights.
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

  get isDue(): boolean {
    return performance.now() - this.#candidateTime >= SNAPSHOT_MILLISECONDS;
  }

  /** The latest that a finite loss was computed from; the first of all, until there is one. */
  get latestGood(): Snapshot | undefined {
    return this.#good ?? this.#candidate;
  }

  /** Sets the state aside if that is due: the weights are those of `position`. */
  async takeIfDue(position: RunPosition): Promise<void> {
    if (!this.isDue) return;
    const now = performance.now();
    const values = await this.#engine.read(this.#tensors);
    this.#candidate = { values, position: { ...position } };
    this.#candidateTime = now;
  }

  /** Told that a loss computed since the latest one was finite. */
  approve(): void {
    this.#good = this.#candidate ?? this.#good;
  }
}
