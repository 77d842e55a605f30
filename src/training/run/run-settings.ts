/** The settings of a run of training, and its position: src/training/run/run.ts executes it. */

import type { Pause } from '../../concurrency/pause.js';
import type { Dataset } from '../../data/dataset.js';
import { beginWith, contentOf, hasBegunWith } from '../../data/fingerprint.js';
import { TrainingError } from '../../errors.js';
import type { PlatformSignal } from '../../platform/types.js';
import type { EpochRecord, Evaluation, Progress, StepReport } from '../history.js';

type Awaitable<Value> = Value | Promise<Value>;

/** Callbacks of a run, and its abort signal; all are optional. */
export interface FitCallbacks {
  /**
   * Called and awaited after every update; returning `false` stops the run. Every update is then a
   * separate call into the backend, which is slow; use `onProgress` to show progress.
   */
  readonly onStep?: ((report: StepReport) => Awaitable<unknown>) | undefined;
  /** Called and awaited after every epoch and its validation; returning `false` stops the run. */
  readonly onEpoch?: ((record: EpochRecord) => Awaitable<unknown>) | undefined;
  /**
   * Called and awaited at most 20 times per second, evenly spaced, after the first update and the last, and
   * after the last update of every epoch that takes 0.1 s or more. A GPU may already be some updates
   * further.
   */
  readonly onProgress?: ((progress: Progress) => Awaitable<unknown>) | undefined;
  /** Stops the run after the updates in progress; the weights learned so far are kept. */
  readonly signal?: PlatformSignal | undefined;
}

/** Everything that a run needs besides the engine. */
export interface RunSettings extends FitCallbacks {
  readonly dataset: Dataset;
  /** The dataset that `dataset` was copied from; undefined if it is no copy. */
  readonly source?: Dataset | undefined;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly validate?: () => Promise<Evaluation>;
  /** Holds the run up between its chunks. */
  readonly pause: Pause;
}

/** Position of a run. Together with the tensors, it suffices to continue the run exactly. */
export interface RunPosition {
  /** The content of the run's data when it began; undefined before the first run. */
  readonly data?: string | undefined;
  /** Updates and epochs of earlier runs of the same trainer. */
  readonly updatesBefore: number;
  readonly epochsBefore: number;
  /** Updates of this run. */
  step: number;
  /** Sum of weighted batch losses of the current epoch. */
  lossSum: number;
}

/** Position of a trainer that has not trained yet. */
export const START: Readonly<RunPosition> = {
  updatesBefore: 0,
  epochsBefore: 0,
  step: 0,
  lossSum: 0,
};

/** Number of the last update of a trainer: kernels count updates in 32 bits with a sign. */
const MAX_UPDATES = 2 ** 31 - 1;

/** Updates that a trainer may still do from step number `step` of a run. */
export function updatesLeft({ updatesBefore }: RunPosition, step: number): number {
  return MAX_UPDATES - updatesBefore - step;
}

/** @throws TrainingError when the trainer has done all updates that it can count */
export function expectUpdatesLeft(position: RunPosition): void {
  if (updatesLeft(position, position.step) > 0) return;
  throw new TrainingError(
    `fit: expected at most ${MAX_UPDATES} updates of one trainer, got one more; load its weights into a new trainer`,
  );
}

/**
 * The position at which a run begins: with `resume` that of the run before, otherwise the start of a run
 * that continues its updates and shuffles.
 *
 * @throws TrainingError when the run to resume began with other data, or has done more than `epochs`
 */
export function beginRun(
  position: RunPosition,
  dataset: Dataset,
  batchSize: number,
  { epochs, resume = false }: { readonly epochs: number; readonly resume?: boolean | undefined },
): RunPosition {
  const { updatesBefore, epochsBefore, step, data } = position;
  const stepsPerEpoch = Math.ceil(dataset.size / batchSize);
  if (resume) {
    if (data === undefined) return { ...position, data: beginWith(dataset) };
    expectSameRun(position, dataset, data, epochs * stepsPerEpoch);
    return position;
  }
  return {
    data: beginWith(dataset),
    updatesBefore: updatesBefore + step,
    epochsBefore: epochsBefore + Math.ceil(step / stepsPerEpoch),
    step: 0,
    lossSum: 0,
  };
}

function expectSameRun({ step }: RunPosition, dataset: Dataset, data: string, steps: number): void {
  if (!hasBegunWith(dataset, data)) {
    throw new TrainingError(
      `fit: expected resume with the data that the run began with, ${data}, got ${dataset.name}, ${contentOf(dataset)}; for other data, call fit without resume`,
    );
  }
  if (step <= steps) return;
  throw new TrainingError(
    `fit: expected to resume a run of at most ${steps} updates, got one after ${step}; pass more epochs`,
  );
}
