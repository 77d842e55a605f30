import type { Dataset, Normalization } from '../data/dataset.js';
import { ShapeError } from '../errors.js';
import type { LayerBuffer } from '../layers/parameter.js';
import type { Backend } from '../numerics/backend.js';
import type { Reals } from '../numerics/core.js';
import { createStepState, MAX_ROWS, stateWords } from '../ops/step-state.js';
import { RandomStream, STREAMS } from '../random/threefry.js';
import { Step } from '../step.js';
import { formatShape, persistent, type Tensor, type Values } from '../tensor.js';
import { type BatchSource, createSource, sourceOf } from './batch-source.js';
import { type DeviceDataset, DeviceDatasets, naturalOrder } from './device-datasets.js';
import { StepCache } from './step-cache.js';
import {
  createMoments,
  evaluationStep,
  gradientStep,
  predictionStep,
  type TrainingSetup,
  trainingStep,
} from './steps.js';

/** Inputs of one batch, as `predict` and `gradients` take them. */
export interface Batch {
  readonly inputs: Uint8Array | Float32Array;
  readonly size: number;
  readonly features: number;
  readonly normalization: Normalization;
}

/** Sums over some examples of a dataset. */
export interface EvaluationSums {
  /** Each batch's loss times its `lossWeight`. */
  readonly loss: number;
  /** (K, K) counts, for a loss on labels. */
  readonly confusion: Values | undefined;
}

/** A model on a backend: the tensors of its training, and the steps over them. */
export class Engine {
  readonly setup: TrainingSetup;
  readonly moments: readonly (readonly Tensor[])[];
  readonly #backend: Backend;
  readonly #state = createStepState();
  readonly #datasets: DeviceDatasets;
  readonly #datasetSteps: StepCache;
  readonly #predictions: StepCache<{ source: BatchSource; predictions: Tensor }>;
  readonly #gradients: StepCache<{ source: BatchSource; L: Tensor }>;
  #placed: { readonly index: Tensor; readonly order: Int32Array } | undefined;
  #confusion: Tensor | undefined;
  #features: number | undefined;

  constructor(backend: Backend, setup: TrainingSetup, seed: number) {
    const { device } = backend;
    this.#backend = backend;
    this.setup = setup;
    this.moments = createMoments(setup);
    this.#datasetSteps = new StepCache(device);
    this.#predictions = new StepCache(device);
    this.#gradients = new StepCache(device);
    this.#datasets = new DeviceDatasets(device, ({ key }) => this.#datasetSteps.drop(`${key} `));
    setup.model.parameters.forEach((parameter, i) => {
      const random = new RandomStream(seed, STREAMS.parameters + i);
      device.write(parameter.tensor, parameter.initialValues(random));
    });
    for (const { tensor, initialValue } of this.#buffers) {
      device.write(tensor, new Float32Array(tensor.size).fill(initialValue));
    }
  }

  /** What makes up the state of training: parameters, buffers, and what the optimizer keeps. */
  get trainedTensors(): Tensor[] {
    const { parameters } = this.setup.model;
    const own = [...parameters, ...this.#buffers].map(({ tensor }) => tensor);
    return [...own, ...this.moments.flat()];
  }

  /** Whether steps may be asked for while the losses of those before are still to come. */
  get runsAhead(): boolean {
    return this.#backend.device.runsAhead === true;
  }

  get #buffers(): readonly LayerBuffer[] {
    return this.setup.model.buffers ?? [];
  }

  /** Times the loss of that many examples, this adds up: their number for a mean, 1 for a sum. */
  lossWeight(examples: number): number {
    return this.setup.loss.reduction === 'mean' ? examples : 1;
  }

  read(tensors: readonly Tensor[]): Promise<Values[]> {
    const { device } = this.#backend;
    return this.#backend.exclusive(() => Promise.all(tensors.map((t) => device.read(t))));
  }

  write(tensors: readonly Tensor[], values: readonly ArrayLike<number>[]): Promise<void> {
    return this.#backend.exclusive(async () => {
      tensors.forEach((tensor, i) => {
        this.#backend.device.write(tensor, values[i]);
      });
    });
  }

  /**
   * The width of the model's output for a dataset's examples.
   *
   * @throws ShapeError when the model does not take them, or the loss not the model's output or
   *   the dataset's classes
   */
  checkDataset({ name, features, classes }: Dataset): number {
    this.#features = features;
    const { loss } = this.setup;
    const known = loss.classes(this.outputs(features));
    if (loss.targets === 'labels' && (classes === 0 || classes > known)) {
      throw new ShapeError(
        `${loss.description.name}: expected targets of at most ${known} classes, got ${name} with ${classes === 0 ? 'real numbers' : `${classes} classes`}`,
      );
    }
    if (loss.targets === 'reals' && classes > 0) {
      throw new ShapeError(
        `${loss.description.name}: expected real targets, got ${name} with ${classes} classes; use a loss on labels`,
      );
    }
    return known;
  }

  /** @throws ShapeError when the model cannot be trained on so few examples at a time */
  checkBatch(dataset: Dataset, batchSize: number): void {
    const tensors = { state: this.#state, moments: this.moments };
    trainingStep(this.setup, tensors, sourceOf(dataset), batchSize);
  }

  /** Numbers per example that the model takes: its own word, or the last dataset's. */
  get features(): number | undefined {
    const { input } = this.setup.model;
    return typeof input === 'object' ? input.features : this.#features;
  }

  /**
   * Width of the model's output for inputs (B, features).
   *
   * @throws ShapeError when the model does not take them, or makes anything but rows of them
   */
  outputs(features: number): number {
    const step = new Step();
    const { shape } = this.setup.model.forward(step, step.activation('x', [1, features])).y;
    if (shape.length !== 2) {
      throw new ShapeError(
        `model: expected an output of shape (B, classes), got ${formatShape(shape)}; end the model with flatten or globalAveragePool, and linear`,
      );
    }
    return shape[1];
  }

  /**
   * Puts a dataset on the backend.
   *
   * @throws ShapeError or DataError when it does not fit the model or is not sound
   */
  upload(dataset: Dataset): Promise<void> {
    this.checkDataset(dataset);
    return this.#backend.exclusive(async () => {
      this.#datasets.get(dataset);
    });
  }

  /**
   * Trains on one batch after another. The backend is free for what is asked next as soon as it
   * has the steps, even if their losses are still to come.
   *
   * @param order in which it walks the dataset; another array for another order
   * @param update number of the first update, from 1
   * @param position where in the order the first batch begins
   * @param rates learning rate of each of the at most `MAX_ROWS` updates
   * @returns the loss of each batch, before its update
   */
  async train(
    dataset: Dataset,
    order: Int32Array,
    batchSize: number,
    update: number,
    position: number,
    rates: readonly number[],
  ): Promise<Values> {
    const { losses } = await this.#backend.exclusive(async () => {
      const { key, shuffled } = this.#datasets.get(dataset);
      this.#placeOrder(shuffled.index, order);
      const tensors = { state: this.#state, moments: this.moments };
      const { executable } = await this.#datasetSteps.get(`${key} train ${batchSize}`, () => ({
        step: trainingStep(this.setup, tensors, shuffled, batchSize),
        own: [],
      }));
      const { device } = this.#backend;
      device.write(this.#state.state, stateWords(update, position));
      device.write(this.#state.schedule, rates);
      await executable.run(rates.length);
      return { losses: device.read(this.#state.losses) };
    });
    return (await losses).subarray(0, rates.length);
  }

  /**
   * Sums of loss and confusion counts over some batches of a dataset, in its own order. The backend
   * is free for what is asked next as it is while `train` runs.
   */
  async evaluate(
    dataset: Dataset,
    batchSize: number,
    position: number,
    batches: number,
    classes: number,
  ): Promise<EvaluationSums> {
    const { reads } = await this.#backend.exclusive(async () => {
      const { device } = this.#backend;
      const data = this.#datasets.get(dataset);
      const confusion = this.#confusionFor(classes);
      const { executable } = await this.#compiledEvaluation(data, batchSize, confusion);
      device.write(this.#state.state, stateWords(0, position));
      if (confusion) device.write(confusion, new Int32Array(confusion.size));
      await executable.run(batches);
      const tensors = confusion ? [this.#state.losses, confusion] : [this.#state.losses];
      return { reads: Promise.all(tensors.map((tensor) => device.read(tensor))) };
    });
    const [losses, counts] = await reads;
    const weight = this.lossWeight(batchSize);
    const ofBatches = Array.from(losses.subarray(0, batches));
    return { loss: ofBatches.reduce((sum, loss) => sum + loss * weight, 0), confusion: counts };
  }

  /** The model's predictions for a batch: (size, outputs). */
  predict(batch: Batch): Promise<Reals> {
    return this.#backend.exclusive(async () => {
      const { source, executable, predictions } = await this.#predictions.get(keyOf(batch), () => {
        const source = this.#batchSource(batch, 'none');
        const built = predictionStep(this.setup, this.#state, source, batch.size);
        return { ...built, source, own: [source.inputs, source.index, built.predictions] };
      });
      this.#writeBatch(source, batch);
      await executable.run(1);
      return (await this.#backend.device.read(predictions)) as Reals;
    });
  }

  /** Loss and gradients of a batch, in this library's layouts and in the order of the parameters. */
  gradients(batch: Batch, targets: ArrayLike<number>) {
    return this.#backend.exclusive(async () => {
      const { device } = this.#backend;
      const { source, executable, L } = await this.#gradients.get(keyOf(batch), () => {
        const source = this.#batchSource(batch, this.setup.loss.targets);
        const built = gradientStep(this.setup, this.#state, source, batch.size);
        const own = [source.inputs, source.index, source.targets as Tensor, built.L];
        return { ...built, source, own };
      });
      this.#writeBatch(source, batch);
      device.write(source.targets as Tensor, targets);
      await executable.run(1);
      const { parameters } = this.setup.model;
      return {
        loss: (await device.read(L))[0],
        gradients: await Promise.all(parameters.map(({ gradient }) => device.read(gradient))),
      };
    });
  }

  /** Writes an order unless it is there: its dataset may have left the backend and come back. */
  #placeOrder(index: Tensor, order: Int32Array): void {
    if (this.#placed?.index === index && this.#placed.order === order) return;
    this.#backend.device.write(index, order);
    this.#placed = { index, order };
  }

  #compiledEvaluation(data: DeviceDataset, batchSize: number, confusion: Tensor | undefined) {
    return this.#datasetSteps.get(`${data.key} evaluate ${batchSize}`, () => ({
      step: evaluationStep(this.setup, this.#state, data.inOrder, batchSize, confusion),
      own: [],
    }));
  }

  #confusionFor(classes: number): Tensor | undefined {
    if (classes > 0) this.#confusion ??= persistent('confusion', [classes, classes], 'int32');
    return this.#confusion;
  }

  #batchSource(batch: Batch, targets: 'labels' | 'reals' | 'none'): BatchSource {
    const { inputs, size, features, normalization } = batch;
    const inputType = inputs instanceof Uint8Array ? 'uint8' : 'float32';
    return createSource(size, features, inputType, targets, normalization);
  }

  #writeBatch(source: BatchSource, { inputs, size }: Batch): void {
    const { device } = this.#backend;
    device.write(source.inputs, inputs);
    device.write(source.index, naturalOrder(size));
    device.write(this.#state.state, stateWords(0, 0));
  }
}

/** Batches with the same key run the same step. */
function keyOf({ inputs, size, features, normalization: { mean, std } }: Batch): string {
  return [inputs.constructor.name, size, features, mean, std].join(' ');
}

/** How many steps one call of `train` or `evaluate` may take. */
export const MAX_STEPS = MAX_ROWS;
