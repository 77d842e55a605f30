import { type Dataset, expectDataset, type Normalization } from '../data/dataset.js';
import { split } from '../data/subset.js';
import { TrainingError } from '../errors.js';
import { isOwned, own } from '../layers/parameters/ownership.js';
import type { Backend } from '../numerics/backend.js';
import type { Reals } from '../numerics/core.js';
import { expectKind } from '../options.js';
import { readBytes, writeBytes } from '../platform/files.js';
import type { Shape } from '../tensor.js';
import { type Batch, batchOf, targetsOf } from './engine/batch.js';
import { Engine } from './engine/engine.js';
import { evaluateDataset, predictRows } from './evaluation.js';
import type { Evaluation, History } from './history.js';
import { Run } from './run/run.js';
import { beginRun, type RunPosition, START } from './run/run-settings.js';
import { type Checkpoint, checkpointValues, readPosition } from './serialization/checkpoint.js';
import { metadataOf, normalizationOf } from './serialization/metadata.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  type TensorData,
} from './serialization/safetensors.js';
import { checkState, onlyWeights, stateTensors } from './serialization/state.js';
import {
  expectFitOptions,
  expectTrainerOptions,
  type FitOptions,
  type TrainerOptions,
} from './trainer-options.js';

/** Parameters and buffers by name, in PyTorch's names and layouts: a linear weight is (O, I). */
export type State = Map<string, TensorData>;

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
export class Trainer {
  /** Examples per update. */
  readonly batchSize: number;
  /** Seed of weights, shuffles and dropout. */
  readonly seed: number;
  readonly #engine: Engine;
  #normalization: Normalization | undefined;
  #position: RunPosition = { ...START };
  #running = false;
  #run: Run | undefined;

  /**
   * Draws the model's initial weights from the seed.
   *
   * @throws TypeError for an unknown option, or one of another type
   * @throws ShapeError when `batchSize` or `seed` is not an integer in range
   * @throws RangeError when `clipNorm` is not a positive number
   * @throws TrainingError when another trainer or model already owns the model
   */
  constructor(backend: Backend, options: TrainerOptions) {
    expectTrainerOptions(backend, options);
    const { model, batchSize, seed = 0, normalization } = options;
    if (isOwned(model)) {
      throw new TrainingError(
        'Trainer: expected a model of its own, got one that belongs to another trainer or model; build a new one',
      );
    }
    this.batchSize = batchSize;
    this.seed = seed;
    this.#normalization = normalization;
    this.#engine = new Engine(backend, options, seed);
    own(model);
  }

  /** Number of scalars that training changes. */
  get parameterCount(): number {
    return this.#engine.setup.model.parameters.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Trains for `epochs` passes over the data. Between chunks of about 50 ms it lets the event loop
   * run and calls `onProgress`.
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
    const [data, validation] = this.#splits(dataset, options.validation, validationSplit);
    this.#engine.checkBatches(data, this.batchSize);
    if (this.#running) throw new TrainingError('fit: expected one run at a time, got a second');
    this.#running = true;
    try {
      // Before the first step, so that an invalid dataset fails before anything has changed.
      for (const used of validation ? [validation, data] : [data]) await this.#engine.upload(used);
      this.#position = beginRun(this.#position, data, this.batchSize, options);
      this.#normalization = data.normalization;
      const { batchSize, seed } = this;
      const source = data === dataset ? undefined : dataset;
      const settings = { ...options, dataset: data, source, batchSize, seed, shuffle };
      const validate = validation && { validate: () => this.evaluate(validation) };
      this.#run = new Run(this.#engine, { ...settings, ...validate }, this.#position);
      return await this.#run.train();
    } finally {
      this.#run = undefined;
      this.#running = false;
    }
  }

  /**
   * Computes the loss over a dataset and, for losses on labels, accuracy and confusion counts.
   * Changes nothing.
   *
   * @throws ShapeError when the data does not fit the model
   * @throws DataError when the data has labels out of range or numbers that are not finite
   */
  async evaluate(dataset: Dataset): Promise<Evaluation> {
    expectDataset('evaluate', dataset);
    return evaluateDataset(this.#engine, dataset);
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
    return predictRows(this.#engine, this.#batch('predict', inputs));
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
    const batch = this.#batch('gradients', inputs);
    const { loss, model } = this.#engine.setup;
    const classes = loss.classes(this.#engine.outputs(batch.features));
    const values = targetsOf('gradients', targets, batch.size, loss.targets, classes);
    const result = await this.#engine.gradients(batch, values);
    const named = model.parameters.map(
      (parameter, i) => [parameter.name, parameter.toPytorch(result.gradients[i])] as const,
    );
    return { loss: result.loss, gradients: new Map(named) };
  }

  /** Copies the parameters and buffers, in PyTorch's names and layouts. */
  async state(): Promise<State> {
    const entries = stateTensors(this.#engine.setup.model);
    const values = await this.#engine.read(entries.map(({ tensor }) => tensor));
    return new Map(
      entries.map((entry, i) => [
        entry.name,
        { shape: entry.pytorchShape, data: entry.toPytorch(values[i]) },
      ]),
    );
  }

  /**
   * Replaces all parameters and buffers. Ignores `num_batches_tracked` and other integers of a
   * PyTorch `state_dict` that the model does not have.
   *
   * @throws ShapeError when names or shapes differ from the model's; nothing is changed
   * @throws DataError for numbers that are not finite; nothing is changed
   */
  async loadState(state: ReadonlyMap<string, { shape: Shape; data: ArrayLike<number> }>) {
    const entries = stateTensors(this.#engine.setup.model);
    const expected = entries.map(({ name, pytorchShape: shape }) => ({ name, shape }));
    const values = checkState('loadState', expected, onlyWeights(state, expected));
    await this.#engine.write(
      entries.map(({ tensor }) => tensor),
      entries.map((entry) => entry.fromPytorch(values.get(entry.name) ?? [])),
    );
  }

  /**
   * Encodes the weights, with the normalisation as metadata, as a `.safetensors` file, which PyTorch
   * reads as a `state_dict`.
   */
  async encode(): Promise<Uint8Array> {
    return encodeSafetensors(await this.state(), metadataOf(this.#normalization));
  }

  /**
   * Loads weights from the bytes of a `.safetensors` file, written by `encode` or by PyTorch.
   *
   * @param source the file's name, for messages; `safetensors` by default
   * @throws DataError when the bytes are not a valid file
   * @throws ShapeError or DataError as `loadState` does
   */
  async decode(bytes: Uint8Array | ArrayBuffer, source?: string): Promise<void> {
    const { tensors, metadata } = decodeSafetensors(bytes, source);
    await this.loadState(tensors);
    this.#normalization = normalizationOf(metadata) ?? this.#normalization;
  }

  /**
   * Writes the weights to a `.safetensors` file, named by path or URL, through a temporary file, so
   * that a failure leaves no partial file. Follows links and keeps the file's mode. Node only.
   *
   * @throws the file system's error
   */
  async save(path: string | URL): Promise<void> {
    if (!(path instanceof URL)) expectKind('save', 'path', path, 'string');
    await writeBytes(path, await this.encode());
  }

  /**
   * Loads weights from a `.safetensors` file (Node) or URL.
   *
   * @throws the file system's or the network's error; DataError or ShapeError as `decode` does
   */
  async load(path: string | URL): Promise<void> {
    if (!(path instanceof URL)) expectKind('load', 'path', path, 'string');
    await this.decode(await readBytes(path), String(path));
  }

  /**
   * Copies everything that `fit` needs to continue a run: weights, the optimizer's moments and the
   * position in the run. May be called while `fit` runs.
   *
   * @example
   *   const { tensors, metadata } = await trainer.checkpoint();
   *   await writeFile('run.safetensors', encodeSafetensors(tensors, metadata));
   */
  async checkpoint(): Promise<Checkpoint> {
    const { trainedTensors } = this.#engine;
    // Requested together, so that the position and the values belong to the same step.
    const position = this.#run?.upcoming ?? { ...this.#position };
    const values = await this.#engine.read(trainedTensors);
    return checkpointValues(this, trainedTensors, values, await position);
  }

  /**
   * Restores a checkpoint. `fit` with `resume` then continues the run as if it had never stopped.
   *
   * @throws TrainingError when the checkpoint has another seed or batch size, or while `fit` runs
   * @throws ShapeError when names or shapes of its tensors differ from this trainer's
   * @throws DataError for a missing or invalid position, and numbers that are not finite
   */
  async restore(checkpoint: Checkpoint): Promise<void> {
    if (this.#running) {
      throw new TrainingError('restore: expected no run in progress, got one; wait for fit to end');
    }
    const { trainedTensors } = this.#engine;
    const position = readPosition(checkpoint, this);
    const values = checkState('restore', trainedTensors, checkpoint.tensors);
    await this.#engine.write(
      trainedTensors,
      trainedTensors.map(({ name }) => values.get(name) ?? []),
    );
    this.#position = position;
  }

  #splits(dataset: Dataset, validation: Dataset | undefined, fraction: number | undefined) {
    if (fraction === undefined) return [dataset, validation] as const;
    return split(dataset, fraction, this.seed);
  }

  #batch(operation: string, inputs: ArrayLike<number>): Batch {
    const { features, setup } = this.#engine;
    const takesImages = setup.model.input === 'images';
    return batchOf(operation, inputs, { features, takesImages }, this.#normalization);
  }
}
