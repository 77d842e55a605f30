/** One epoch of a run. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /**
   * Mean over the epoch's examples, each before the update that it took part in; the sum for a loss
   * that is a sum.
   */
  readonly trainLoss: number;
  /** On the validation data, after the epoch. */
  readonly validLoss?: number;
  /** Share of validation examples classified rightly; for losses on labels. */
  readonly validAccuracy?: number;
  /** Mean over the classes of the share classified rightly; for losses on labels. */
  readonly validBalancedAccuracy?: number;
  /** Of the epoch's last update. */
  readonly learningRate: number;
  /** Spent on training, without validation. */
  readonly seconds: number;
}

/** What `fit` returns. */
export interface History {
  readonly epochs: readonly EpochRecord[];
  /** Spent on training, without validation, over all epochs and the last unfinished one. */
  readonly trainSeconds: number;
  /** Examples trained on, each counted as often as it was seen. */
  readonly examples: number;
  /** What ended the run before its last epoch, if anything did. */
  readonly stoppedBy?: 'onStep' | 'onEpoch' | 'signal';
}

/** What `onStep` is told after an update. */
export interface StepReport {
  /** Counted from 1 within the run. */
  readonly step: number;
  readonly epoch: number;
  /** Loss of the batch before the update. */
  readonly loss: number;
  readonly learningRate: number;
}

/** What `onProgress` is told, at least ten times a second. */
export interface Progress {
  readonly epoch: number;
  readonly epochs: number;
  /** Updates done in this epoch, and how many it has. */
  readonly stepInEpoch: number;
  readonly stepsPerEpoch: number;
  /** Of this epoch so far: the mean over its examples, or the sum for a loss that is a sum. */
  readonly loss: number;
  readonly learningRate: number;
}

/** What `evaluate` returns. */
export interface Evaluation {
  /** Mean over the examples; the sum for a loss that is a sum. */
  readonly loss: number;
  /** Share classified rightly; NaN for regression. */
  readonly accuracy: number;
  /** Mean over the classes that occur of the share classified rightly; NaN for regression. */
  readonly balancedAccuracy: number;
  /** (K, K): how often class t was taken for class y, at t·K + y; empty for regression. */
  readonly confusion: Int32Array;
}
