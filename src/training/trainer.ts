import {
  expectFinite,
  expectInteger,
  expectLabels,
  expectLength,
  expectNumber,
} from '../checks.js';
import type { Dataset, Normalization } from '../data/dataset.js';
import { split } from '../data/subset.js';
import { ShapeError, TrainingError } from '../errors.js';
import { yieldToEventLoop } from '../event-loop.js';
import { readBytes, writeBytes } from '../files.js';
import { isOwned, own } from '../layers/ownership.js';
import type { Backend } from '../numerics/backend.js';
import type { Reals } from '../numerics/core.js';
import { accuracyOf } from '../ops/accuracy.js';
import type { Shape } from '../tensor.js';
import { type Checkpoint, checkpointValues, readPosition } from './checkpoint.js';
import { type Batch, Engine, type EvaluationSums, MAX_STEPS } from './engine.js';
import { Run } from './fit.js';
import type { Evaluation, History } from './history.js';
import type { FitCallbacks, RunPosition } from './run.js';
import { decodeSafetensors, encodeSafetensors, type TensorData } from './safetensors.js';
import { checkState, stateTensors, withoutCounters } from './state.js';
import type { TrainingSetup } from './steps.js';

export interface TrainerOptions extends TrainingSetup {
  /** Examples per update. */
  readonly batchSize: number;
  /** Decides initial weights and shuffles: an integer, 0 by default. */
  readonly seed?: number;
  /** For bytes given to `predict` before any `fit`: that of the data which the weights come from. */
  readonly normalization?: Normalization;
}

export interface FitOptions extends FitCallbacks {
  /** How many epochs the run has in all. */
  readonly epochs: number;
  /** Evaluated after every epoch. */
  readonly validation?: Dataset;
  /** Share of the training data to set aside and validate on instead, between 0 and 1. */
  readonly validationSplit?: number;
  /** Whether every epoch has an order of its own; true by default. */
  readonly shuffle?: boolean;
  /** Goes on where the loaded checkpoint was taken, with the same data and `epochs`. */
  readonly resume?: boolean;
}

/** Parameters and buffers by name, in PyTorch's names and layouts: a linear weight is (out, in). */
export type State = Map<string, TensorData>;

/** How many examples `evaluate` and `predict` take at a time. */
const EVALUATION_BATCH = 256;
/** How many batches between two turns of the event loop. */
const EVALUATION_CHUNK = 16;

/**
 * Trains a model, and answers questions about it.
 *
 * The same seed, data and build of the backend give the same weights, bit for bit, on any number of
 * threads.
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
  readonly batchSize: number;
  readonly seed: number;
  readonly #engine: Engine;
  #normalization: Normalization | undefined;
  #position: RunPosition = { updatesBefore: 0, epochsBefore: 0, step: 0, lossSum: 0 };
  #running = false;
  #run: Run | undefined;

  /** @throws ShapeError, RangeError or TrainingError when an option does not fit */
  constructor(backend: Backend, options: TrainerOptions) {
    const { model, batchSize, seed = 0, clipNorm, normalization } = options;
    expectInteger('Trainer', 'batchSize', batchSize);
    expectInteger('Trainer', 'seed', seed, 0);
    if (clipNorm !== undefined) expectNumber('Trainer', 'clipNorm', clipNorm, Number.MIN_VALUE);
    if (isOwned(model)) {
      throw new TrainingError(
        'Trainer: expected a model of its own, got one that another trainer or model has; build it anew',
      );
    }
    this.batchSize = batchSize;
    this.seed = seed;
    this.#normalization = normalization;
    this.#engine = new Engine(backend, options, seed);
    own(model);
  }

  /** Numbers that training changes. */
  get parameterCount(): number {
    return this.#engine.setup.model.parameters.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Trains for `epochs` passes over the data.
   *
   * Between chunks of about 50 ms it lets the event loop run, and calls `onProgress`.
   *
   * @throws ShapeError when the data does not fit the model, or is smaller than a batch
   * @throws DataError when the data has labels out of range or numbers that are not finite
   * @throws TrainingError when the loss or a weight stops being finite; the last good weights are
   *   kept
   */
  async fit(dataset: Dataset, options: FitOptions): Promise<History> {
    const { epochs, validationSplit, shuffle = true, resume = false } = options;
    expectInteger('fit', 'epochs', epochs);
    const [data, validation] = this.#splits(dataset, options.validation, validationSplit);
    this.#checkBatch(data);
    if (this.#running) throw new TrainingError('fit: expected one run at a time, got a second');
    this.#running = true;
    try {
      // Before the first step, so that nothing is half done when one of them cannot be used.
      for (const used of validation ? [validation, data] : [data]) await this.#engine.upload(used);
      if (!resume) this.#beginRun(data);
      this.#normalization = data.normalization;
      const { batchSize, seed } = this;
      const settings = { ...options, dataset: data, batchSize, seed, shuffle };
      const validate = validation && { validate: () => this.evaluate(validation) };
      this.#run = new Run(this.#engine, { ...settings, ...validate }, this.#position);
      return await this.#run.train();
    } finally {
      this.#run = undefined;
      this.#running = false;
    }
  }

  /**
   * The loss over a dataset and, for losses on labels, accuracy and confusion counts.
   *
   * @throws ShapeError or DataError when the data does not fit the model or is not sound
   */
  async evaluate(dataset: Dataset): Promise<Evaluation> {
    const classes = this.#engine.checkDataset(dataset);
    const confusion = new Int32Array(classes * classes);
    let lossSum = 0;
    const add = (sums: EvaluationSums) => {
      lossSum += sums.loss;
      sums.confusion?.forEach((value: number, i: number) => {
        confusion[i] += value;
      });
    };
    let before: Promise<void> | undefined;
    for (const { start, size, count } of evaluationChunks(dataset.size)) {
      const added = this.#engine.evaluate(dataset, size, start, count, classes).then(add);
      // Heard below, but perhaps only after it has failed.
      added.catch(() => {});
      // One is under way while the sums of the one before come back.
      await before;
      before = added;
      await yieldToEventLoop();
    }
    await before;
    const loss = lossSum / this.#engine.lossWeight(dataset.size);
    return { loss, ...accuracyOf(confusion, classes), confusion };
  }

  /**
   * The model's answer for each example: probabilities for losses on labels (one per class, or
   * that of class 1 for a binary loss), the model's output for regression.
   *
   * @param inputs (B, features), row-major. Bytes are normalised as the training data was; floats
   *   are taken as they are.
   * @returns (B, outputs)
   */
  async predict(inputs: Uint8Array | Float32Array): Promise<Reals> {
    const all = this.#batch('predict', inputs);
    const outputs = this.#engine.outputs(all.features);
    let result: Reals | undefined;
    for (let start = 0; start < all.size; start += EVALUATION_BATCH) {
      const size = Math.min(EVALUATION_BATCH, all.size - start);
      const rows = inputs.subarray(start * all.features, (start + size) * all.features);
      const predictions = await this.#engine.predict({ ...all, inputs: rows, size });
      result ??= new (predictions.constructor as Float32ArrayConstructor)(all.size * outputs);
      result.set(predictions, start * outputs);
      if ((start / EVALUATION_BATCH) % EVALUATION_CHUNK === EVALUATION_CHUNK - 1) {
        await yieldToEventLoop();
      }
    }
    return result as Reals;
  }

  /**
   * The loss of one batch, and its gradient with respect to every parameter; changes nothing, no
   * running statistic either.
   *
   * @param inputs (B, features), as for `predict`
   * @param targets (B), labels or real numbers as the loss takes them
   * @returns gradients in PyTorch's names and layouts, mean over the batch like the loss
   */
  async gradients(
    inputs: Uint8Array | Float32Array,
    targets: ArrayLike<number>,
  ): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
    const batch = this.#batch('gradients', inputs);
    const { loss, model } = this.#engine.setup;
    expectLength('gradients', 'targets', targets, batch.size, 'B');
    const classes = loss.classes(this.#engine.outputs(batch.features));
    if (loss.targets === 'labels') expectLabels('gradients', targets, classes);
    else expectFinite('gradients', 'targets', targets);
    const result = await this.#engine.gradients(batch, targets);
    const named = model.parameters.map(
      (parameter, i) => [parameter.name, parameter.toPytorch(result.gradients[i])] as const,
    );
    return { loss: result.loss, gradients: new Map(named) };
  }

  /** The parameters and buffers, in PyTorch's names and layouts. */
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
   * Replaces all parameters and buffers. The `num_batches_tracked` of a PyTorch `state_dict` are
   * passed over.
   *
   * @throws ShapeError when names or shapes differ from the model's, DataError for numbers that
   *   are not finite; nothing is changed then
   */
  async loadState(state: ReadonlyMap<string, { shape: Shape; data: ArrayLike<number> }>) {
    const entries = stateTensors(this.#engine.setup.model);
    const expected = entries.map(({ name, pytorchShape: shape }) => ({ name, shape }));
    checkState('loadState', expected, withoutCounters(state));
    await this.#engine.write(
      entries.map(({ tensor }) => tensor),
      entries.map((entry) => entry.fromPytorch(state.get(entry.name)?.data as ArrayLike<number>)),
    );
  }

  /**
   * The weights as a `.safetensors` file, which PyTorch reads as a `state_dict`. The file's
   * metadata holds the normalisation.
   */
  async encode(): Promise<Uint8Array> {
    const metadata: Record<string, string> = { format: 'pt' };
    if (this.#normalization) metadata.normalization = JSON.stringify(this.#normalization);
    return encodeSafetensors(await this.state(), metadata);
  }

  /** Loads what `encode` returned, or what PyTorch saved. Throws as `loadState` does. */
  async decode(bytes: Uint8Array, source?: string): Promise<void> {
    const { tensors, metadata } = decodeSafetensors(bytes, source);
    await this.loadState(tensors);
    this.#normalization = parseNormalization(metadata.normalization) ?? this.#normalization;
  }

  /** Writes the weights to a file, beside it first, so that no half of one is left (Node only). */
  async save(path: string): Promise<void> {
    await writeBytes(path, await this.encode());
  }

  /** Reads weights from a file (Node), or from a URL. */
  async load(path: string | URL): Promise<void> {
    await this.decode(await readBytes(path), String(path));
  }

  /** All that `fit` needs to go on with a run: weights, the optimizer's memory, the position. */
  async checkpoint(): Promise<Checkpoint> {
    const { trainedTensors } = this.#engine;
    // Asked for together, so that they are of one moment.
    const position = this.#run?.upcoming ?? { ...this.#position };
    const values = await this.#engine.read(trainedTensors);
    return checkpointValues(this, trainedTensors, values, await position);
  }

  /**
   * Returns to a checkpoint; `fit` with `resume` then goes on as if it had never stopped.
   *
   * @throws TrainingError when it was taken with another seed or batch size, or while `fit` runs
   * @throws ShapeError when its tensors are not this trainer's
   */
  async restore(checkpoint: Checkpoint): Promise<void> {
    if (this.#running) {
      throw new TrainingError('restore: expected no run under way, got one; wait for fit to end');
    }
    const { trainedTensors } = this.#engine;
    const position = readPosition(checkpoint, this);
    checkState('restore', trainedTensors, checkpoint.tensors);
    await this.#engine.write(
      trainedTensors,
      trainedTensors.map(({ name }) => checkpoint.tensors.get(name)?.data as Float32Array),
    );
    this.#position = position;
  }

  #splits(dataset: Dataset, validation: Dataset | undefined, fraction: number | undefined) {
    if (fraction === undefined) return [dataset, validation] as const;
    if (validation) {
      throw new RangeError('fit: expected validation or validationSplit, got both');
    }
    return split(dataset, fraction, this.seed);
  }

  #checkBatch(data: Dataset): void {
    this.#engine.checkDataset(data);
    if (this.batchSize > data.size) {
      throw new ShapeError(
        `fit: expected a batch of at most ${data.size} examples, as many as ${data.name} has, got ${this.batchSize}; lower batchSize`,
      );
    }
    this.#engine.checkBatch(data, this.batchSize);
    const rest = data.size % this.batchSize;
    if (rest > 0) this.#engine.checkBatch(data, rest);
  }

  /** Counts what the run before did, so that updates and shuffles go on rather than repeat. */
  #beginRun(data: Dataset): void {
    const { updatesBefore, epochsBefore, step } = this.#position;
    const stepsPerEpoch = Math.ceil(data.size / this.batchSize);
    this.#position = {
      updatesBefore: updatesBefore + step,
      epochsBefore: epochsBefore + Math.ceil(step / stepsPerEpoch),
      step: 0,
      lossSum: 0,
    };
  }

  #batch(operation: string, inputs: Uint8Array | Float32Array): Batch {
    const { features, setup } = this.#engine;
    if (features === undefined && setup.model.input === 'images') {
      throw new TrainingError(
        `${operation}: expected a model that takes rows of numbers, got one that takes images; wrap it in onImages`,
      );
    }
    if (features === undefined) {
      throw new TrainingError(
        `${operation}: expected a model that knows its number of inputs, got one that takes any; fit first`,
      );
    }
    const size = Math.floor(inputs.length / features);
    if (size === 0 || size * features !== inputs.length) {
      throw new ShapeError(
        `${operation}: expected inputs of shape (B, ${features}), got ${inputs.length} numbers`,
      );
    }
    if (inputs instanceof Float32Array) expectFinite(operation, 'inputs', inputs);
    const normalization = this.#normalization;
    if (inputs instanceof Uint8Array && !normalization) {
      throw new TrainingError(
        `${operation}: expected a normalisation for bytes, got none; fit first, or give the trainer one`,
      );
    }
    return { inputs, size, features, normalization: normalization ?? { mean: 0, std: 1 } };
  }
}

/** Batches of one size, at most `EVALUATION_CHUNK` at a time, then the smaller last one. */
function* evaluationChunks(total: number) {
  const size = Math.min(EVALUATION_BATCH, total);
  const whole = Math.floor(total / size);
  for (let batch = 0; batch < whole; batch += EVALUATION_CHUNK) {
    const count = Math.min(EVALUATION_CHUNK, whole - batch, MAX_STEPS);
    yield { start: batch * size, size, count };
  }
  const rest = total - whole * size;
  if (rest > 0) yield { start: whole * size, size: rest, count: 1 };
}

/** Undefined for a file that does not say, such as one that PyTorch wrote. */
function parseNormalization(text: string | undefined): Normalization | undefined {
  try {
    const { mean, std } = JSON.parse(text ?? '{}');
    return Number.isFinite(mean) && std > 0 ? { mean, std } : undefined;
  } catch {
    return undefined;
  }
}
