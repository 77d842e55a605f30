import { Pause } from '../concurrency/pause.js';
import type { Dataset } from '../data/dataset.js';
import { split } from '../data/subset.js';
import { TrainingError } from '../errors.js';
import { isOwned, own } from '../layers/parameters/ownership.js';
import type { Backend } from '../numerics/backend.js';
import type { Reals } from '../numerics/calls.js';
import { type Batch, batchOf, targetsOf } from './engine/batch.js';
import { Engine } from './engine/engine.js';
import { evaluateDataset, predictRows } from './evaluation.js';
import type { ConfusionEvaluation, Evaluation, History } from './history.js';
import { Run } from './run/run.js';
import { beginRun } from './run/run-settings.js';
import { TrainedModel } from './trained-model.js';
import {
  type EvaluateOptions,
  expectBackend,
  expectEvaluateArguments,
  expectFitOptions,
  expectTrainerOptions,
  type FitOptions,
  type TrainerOptions,
} from './trainer-options.js';

/**
 * Trains, evaluates and saves a model. The same seed, data and build of the backend give the same
 * weights, bit for bit, for any number of threads.
 *
 * @example
 *   const trainer = new Trainer(backend, {
 *     model: sequential(linear(784, 30), relu(), linear(30, 10)),
 *     loss: softmaxCrossEntropy(),
 *     optimizer: sgd({ learningRate: 0.1 }),
 *     batchSize: 64,
 *   });
 *   await trainer.fit(train, { epochs: 10, validation: test });
 */
export class Trainer extends TrainedModel {
  #pause: Pause | undefined;

  /**
   * Draws the model's initial weights from the seed.
   *
   * @throws TypeError for an unknown option, or one of another type
   * @throws ShapeError when `batchSize` or `seed` is not an integer in range
   * @throws RangeError when `clipNorm` is not a positive number
   * @throws TrainingError when another trainer or model already owns the model
   */
  constructor(backend: Backend, options: TrainerOptions) {
    expectBackend(backend);
    expectTrainerOptions(options);
    const { model, batchSize, seed = 0, normalization } = options;
    if (isOwned(model)) {
      throw new TrainingError(
        'Trainer: expected a model of its own, got one that belongs to another trainer or model; build a new one',
      );
    }
    super(new Engine(backend, options, seed), batchSize, seed, normalization);
    own(model);
  }

  /**
   * Trains for `epochs` passes over the data. Between chunks of about 50 ms it lets the event loop
   * run, and calls `onProgress` at most 20 times per second.
   *
   * @returns losses, metrics and times of every epoch
   * @throws ShapeError when the data does not fit the model, or is smaller than a batch
   * @throws DataError when the data has labels out of range or numbers that are not finite
   * @throws RangeError when both `validation` and `validationSplit` are given
   * @throws TrainingError when another `fit` of this trainer is running, when the data that
   *   `validationSplit` copied changes, when the run to resume began with other data or has done more
   *   epochs, after 2³¹ − 1 updates, and when the loss or a weight becomes infinite or NaN; the last
   *   good weights are then kept
   * @example
   *   const { epochs } = await trainer.fit(train, { epochs: 10, validationSplit: 0.1 });
   *   epochs.at(-1)?.validAccuracy;
   */
  async fit(dataset: Dataset, options: FitOptions): Promise<History> {
    expectFitOptions(dataset, options);
    const { validationSplit, shuffle = true } = options;
    this.engine.access.expectOpen('fit');
    const [data, validation] = this.#splits(dataset, options.validation, validationSplit);
    this.engine.checks.expectBatches(data, this.batchSize);
    if (this.isFitting) throw new TrainingError('fit: expected one run at a time, got a second');
    this.isFitting = true;
    this.#pause = new Pause();
    try {
      // Before the first step, so that an invalid dataset fails before anything has changed.
      for (const used of validation ? [validation, data] : [data]) await this.engine.upload(used);
      this.position = beginRun(this.position, data, this.batchSize, options);
      this.normalization = data.normalization;
      const { batchSize, seed } = this;
      const source = data === dataset ? undefined : dataset;
      const settings = {
        ...options,
        dataset: data,
        source,
        batchSize,
        seed,
        shuffle,
        pause: this.#pause,
      };
      const validate = validation && { validate: () => this.evaluate(validation) };
      this.run = new Run(this.engine, { ...settings, ...validate }, this.position);
      return await this.run.train();
    } finally {
      this.run = undefined;
      this.#pause = undefined;
      this.isFitting = false;
    }
  }

  /**
   * Pauses the run of `fit` after the updates in progress, until `resume` or its signal. Meanwhile the
   * weights can be read and replaced, and the model evaluated.
   *
   * @throws TrainingError when no run is in progress
   */
  pause(): void {
    if (!this.#pause)
      throw new TrainingError('pause: expected a run in progress, got none; call fit');
    this.#pause.begin();
  }

  /** Continues a paused run. Without one, it does nothing. */
  resume(): void {
    this.#pause?.end();
  }

  /**
   * Computes the loss over a dataset and, for losses on labels, accuracies and, on request, confusion
   * counts. Changes nothing. Between chunks of about 25 ms it lets the event loop run.
   *
   * @param options.confusion whether to count how often each class was taken for each other
   * @throws ShapeError when the data does not fit the model
   * @throws DataError when the data has labels out of range or numbers that are not finite
   * @throws TypeError for an unknown option, or one of another type
   * @example const { loss, accuracy } = await trainer.evaluate(test);
   */
  evaluate(dataset: Dataset, options: { readonly confusion: true }): Promise<ConfusionEvaluation>;
  evaluate(dataset: Dataset, options?: EvaluateOptions): Promise<Evaluation>;
  async evaluate(dataset: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
    expectEvaluateArguments(dataset, options);
    const { engine } = this;
    const evaluate = () => evaluateDataset(engine, dataset, options.confusion === true);
    return engine.access.during('evaluate', () => engine.evaluating(evaluate));
  }

  /**
   * Computes the model's predictions: probabilities for losses on labels (one per class, or that of
   * class 1 for a binary loss), the model's output for regression.
   *
   * @param inputs (B, features), row-major. Bytes, also a `Uint8ClampedArray`, are normalised like
   *   the training data; other numbers are used as they are, if float32 holds them exactly.
   * @returns (B, outputs), row-major
   * @throws ShapeError when `inputs` are not whole rows
   * @throws DataError for numbers that are not finite or not exact in float32, and for RGBA pixels of
   *   a canvas
   * @throws TrainingError for bytes while no normalisation is known, and for a model that takes any
   *   number of inputs before it was trained
   * @example const probabilities = await trainer.predict(test.inputs.subarray(0, 784)); // (1, 10)
   */
  async predict(inputs: ArrayLike<number>): Promise<Reals> {
    const { engine } = this;
    return engine.access.during('predict', async () => {
      const batch = this.#batch('predict', inputs);
      return predictRows(engine, batch);
    });
  }

  /**
   * Computes the loss of one batch and its gradient with respect to every parameter. Changes no
   * weights and no running statistics.
   *
   * @param inputs  (B, features), as for `predict`
   * @param targets (B), class numbers or real numbers, as the loss expects
   * @returns the loss, and gradients in PyTorch's names and layouts; both are means over the batch,
   *   or sums for a loss that is a sum
   * @throws ShapeError, DataError or TrainingError as `predict` does, and for targets of the wrong
   *   number or out of range
   */
  async gradients(
    inputs: ArrayLike<number>,
    targets: ArrayLike<number>,
  ): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
    const { access, checks, setup } = this.engine;
    return access.during('gradients', async () => {
      const batch = this.#batch('gradients', inputs);
      const { loss, model } = setup;
      const classes = checks.classes(batch.features);
      const values = targetsOf('gradients', targets, batch.size, loss.targets, classes);
      const result = await this.engine.gradients(batch, values);
      const named = model.parameters.map(
        (parameter, i) => [parameter.name, parameter.toPytorch(result.gradients[i])] as const,
      );
      return { loss: result.loss, gradients: new Map(named) };
    });
  }

  #splits(dataset: Dataset, validation: Dataset | undefined, fraction: number | undefined) {
    if (fraction === undefined) return [dataset, validation] as const;
    return split(dataset, fraction, this.seed);
  }

  #batch(operation: string, inputs: ArrayLike<number>): Batch {
    const { checks, setup } = this.engine;
    const { features } = checks;
    const takesImages = setup.model.input === 'images';
    return batchOf(operation, inputs, { features, takesImages }, this.normalization);
  }
}
