/** Results of `fit` and `evaluate`, and the reports that their callbacks receive. */

/** Results of one epoch. */
export interface EpochRecord {
  /** Number of the epoch within the run, from 1. */
  readonly epoch: number;
  /**
   * Loss over the epoch's examples: the mean, or the sum for a loss that is a sum. The loss of each
   * batch is computed before its update.
   */
  readonly trainLoss: number;
  /** Loss on the validation data after the epoch; undefined without validation data. */
  readonly validLoss?: number;
  /** Fraction of validation examples classified correctly, 0 … 1; only for losses on labels. */
  readonly validAccuracy?: number;
  /** Mean over classes of the fraction classified correctly, 0 … 1; only for losses on labels. */
  readonly validBalancedAccuracy?: number;
  /** Learning rate of the epoch's last update. */
  readonly learningRate: number;
  /** Seconds of training, without validation. */
  readonly seconds: number;
}

/** The result of `fit`. */
export interface History {
  /** Completed epochs, in order. */
  readonly epochs: readonly EpochRecord[];
  /** Seconds of training, without validation, including the last, incomplete epoch. */
  readonly trainSeconds: number;
  /** Number of examples trained on; each example counts once per epoch. */
  readonly examples: number;
  /** The callback or signal that stopped the run early; undefined for a complete run. */
  readonly stoppedBy?: 'onStep' | 'onEpoch' | 'signal';
}

/** Argument of `onStep`, after an update. */
export interface StepReport {
  /** Number of the update within the run, from 1. */
  readonly step: number;
  /** Number of the epoch within the run, from 1. */
  readonly epoch: number;
  /** Loss of the batch before the update. */
  readonly loss: number;
  /** Learning rate of the update. */
  readonly learningRate: number;
}

/** Argument of `onProgress`: 10 to 20 times per second, unless a single update takes longer. */
export interface Progress {
  /** The current epoch, from 1. */
  readonly epoch: number;
  /** Epochs of the run. */
  readonly epochs: number;
  /** Updates done in this epoch. */
  readonly stepInEpoch: number;
  /** Updates per epoch. */
  readonly stepsPerEpoch: number;
  /** Loss over this epoch's examples so far: the mean, or the sum for a loss that is a sum. */
  readonly loss: number;
  /** Learning rate of the latest update. */
  readonly learningRate: number;
}

/** The result of `evaluate`. */
export interface Evaluation {
  /** Mean over the examples, or the sum for a loss that is a sum. */
  readonly loss: number;
  /** Fraction of examples classified correctly, 0 … 1; NaN for regression. */
  readonly accuracy: number;
  /**
   * Mean of the fraction classified correctly, 0 … 1, over the classes that occur in the data; NaN
   * for regression.
   */
  readonly balancedAccuracy: number;
  /**
   * (C, C) counts, with the option `confusion`: element t·C + y is the number of examples of class t
   * that were classified as y; empty for regression.
   */
  readonly confusion?: Int32Array;
}

/** The result of `evaluate` with the option `confusion`. */
export type ConfusionEvaluation = Evaluation & Required<Pick<Evaluation, 'confusion'>>;

/** The fields of an epoch's record that an evaluation on the validation data gives. */
export function validationFields({ loss, accuracy, balancedAccuracy }: Evaluation) {
  if (Number.isNaN(accuracy)) return { validLoss: loss };
  return {
    validLoss: loss,
    validAccuracy: accuracy,
    validBalancedAccuracy: balancedAccuracy,
  };
}
