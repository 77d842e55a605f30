import { expectInteger, expectNumber, expectSeed } from '../checks.js';
import {
  type Dataset,
  expectDataset,
  expectNormalization,
  type Normalization,
} from '../data/dataset.js';
import { expectLayer } from '../layers/layer.js';
import type { Backend } from '../numerics/backend.js';
import { expectMade, expectOptions, type Kinds } from '../options.js';
import type { FitCallbacks } from './run/run-settings.js';
import type { TrainingSetup } from './steps.js';

/** Options of `Trainer`: model, loss, optimizer and batch size are required. */
export interface TrainerOptions extends TrainingSetup {
  /** Examples per update: an integer of at least 1. */
  readonly batchSize: number;
  /** Determines initial weights, shuffles and dropout: an integer from 0 to 2³² − 1; 0 by default. */
  readonly seed?: number | undefined;
  /**
   * Mean and standard deviation in units of byte / 255, for bytes passed to `predict` before any
   * `fit`: those of the data that the weights were trained on. `fit` and `load` replace them.
   */
  readonly normalization?: Normalization | undefined;
}

/** The kinds of the options of `Trainer`, for `expectOptions`. */
export const TRAINER_OPTIONS: Kinds<TrainerOptions> = {
  batchSize: 'any',
  model: 'any',
  loss: 'any',
  optimizer: 'any',
  seed: 'any',
  clipNorm: 'any',
  normalization: 'object',
};

/** Options of `Trainer.fit`; only `epochs` is required. */
export interface FitOptions extends FitCallbacks {
  /** Passes over the training data, an integer of at least 1; with `resume`, of the whole run. */
  readonly epochs: number;
  /** Evaluated after every epoch; none by default. Excludes `validationSplit`. */
  readonly validation?: Dataset | undefined;
  /**
   * Fraction of the training data, between 0 and 1, that is held out for validation: chosen by the
   * seed, at least one example; none by default. Both parts are copies, so `fit` rejects when the
   * training data changes during the run.
   */
  readonly validationSplit?: number | undefined;
  /** Whether to shuffle the examples before every epoch; true by default. */
  readonly shuffle?: boolean | undefined;
  /**
   * Whether to continue the run that the restored checkpoint was taken from, with the same data and
   * `epochs`; false by default, which starts a new run.
   */
  readonly resume?: boolean | undefined;
}

/** The kinds of the options of `fit`, for `expectOptions`. */
export const FIT_OPTIONS: Kinds<FitOptions> = {
  epochs: 'any',
  validation: 'object',
  validationSplit: 'number',
  shuffle: 'boolean',
  resume: 'boolean',
  onStep: 'function',
  onEpoch: 'function',
  onProgress: 'function',
  signal: 'signal',
};

/** Options of `Trainer.evaluate`. */
export interface EvaluateOptions {
  /** Whether to return confusion counts, which take memory for classes² numbers; false by default. */
  readonly confusion?: boolean | undefined;
}

/** @throws TypeError unless `backend` is a backend */
export function expectBackend(backend: Backend): void {
  const kind = 'a backend, the result of await createBackend(…)';
  expectMade('Trainer', 'its first argument', backend, 'exclusive', kind);
}

/**
 * Checks the options of `new Trainer`.
 *
 * @throws TypeError for an unknown option or one of another type, ShapeError when `batchSize` or
 *   `seed` is not an integer in range, RangeError when `clipNorm` is not a positive number
 */
export function expectTrainerOptions(options: TrainerOptions): void {
  expectOptions('Trainer', options, TRAINER_OPTIONS);
  const { model, loss, optimizer, batchSize, seed, clipNorm, normalization } = options;
  expectLayer('Trainer', 'model', model);
  expectMade('Trainer', 'loss', loss, 'classes', 'a loss such as softmaxCrossEntropy()');
  const optimizerKind = 'an optimizer such as sgd({ learningRate: 0.1 })';
  expectMade('Trainer', 'optimizer', optimizer, 'update', optimizerKind);
  expectInteger('Trainer', 'batchSize', batchSize);
  if (seed !== undefined) expectSeed('Trainer', 'seed', seed);
  if (clipNorm !== undefined) expectNumber('Trainer', 'clipNorm', clipNorm, Number.MIN_VALUE);
  if (normalization !== undefined) expectNormalization('Trainer', normalization);
}

/**
 * Checks the arguments of `fit`, but not the values in the datasets.
 *
 * @throws TypeError for an unknown option or one of another type, ShapeError when a size is not an
 *   integer in range, RangeError when both `validation` and `validationSplit` are given
 */
export function expectFitOptions(dataset: Dataset, options: FitOptions): void {
  expectDataset('fit', dataset);
  expectOptions('fit', options, FIT_OPTIONS);
  expectInteger('fit', 'epochs', options.epochs);
  if (options.validation === undefined) return;
  expectDataset('fit', options.validation);
  if (options.validationSplit !== undefined) {
    throw new RangeError('fit: expected validation or validationSplit, got both');
  }
}

/** @throws TypeError or ShapeError for arguments of `evaluate` of another type or form */
export function expectEvaluateArguments(dataset: Dataset, options: EvaluateOptions): void {
  expectDataset('evaluate', dataset);
  expectOptions('evaluate', options, { confusion: 'boolean' });
}
