/** What a run is told, and where it stands: src/training/fit.ts carries it out. */

import type { Dataset } from '../data/dataset.js';
import type { EpochRecord, Evaluation, Progress, StepReport } from './history.js';

type Awaitable<Value> = Value | Promise<Value>;

export interface FitCallbacks {
  /**
   * After every update; `false` stops the run there. Each update is then a call of its own into
   * the backend, so prefer `onProgress` for showing progress.
   */
  readonly onStep?: (report: StepReport) => Awaitable<unknown>;
  /** After every epoch and its validation; `false` stops the run. */
  readonly onEpoch?: (record: EpochRecord) => Awaitable<unknown>;
  /** After every chunk of about 50 ms. A GPU may by then be some updates further. */
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the run after the updates under way; what was learned so far stays. */
  readonly signal?: AbortSignal;
}

export interface RunSettings extends FitCallbacks {
  readonly dataset: Dataset;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly validate?: () => Promise<Evaluation>;
}

/** Where a run stands: all that, with the tensors, is needed to go on exactly there. */
export interface RunPosition {
  /** Updates and epochs that earlier runs of the same trainer made. */
  readonly updatesBefore: number;
  readonly epochsBefore: number;
  /** Updates of this run. */
  step: number;
  /** Sum over the batches of the epoch under way, each loss by its weight. */
  lossSum: number;
}
