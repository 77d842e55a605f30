import type { Dataset } from '../../data/dataset.js';
import { ShapeError } from '../../errors.js';
import type { Backend } from '../../numerics/backend.js';
import type { Reals } from '../../numerics/core.js';
import { createStepState, MAX_ROWS, stateWords } from '../../ops/step-state.js';
import { naturalOrder } from '../../random/threefry.js';
import { Step } from '../../step.js';
import { formatShape, persistent, type Tensor, type Values } from '../../tensor.js';
import { type BatchSource, sourceOf } from '../batch-source.js';
import {
  createMoments,
  evaluationStep,
  gradientStep,
  predictionStep,
  type TrainingSetup,
  trainingStep,
} from '../steps.js';
import { type Batch, batchSource, stepKey } from './batch.js';
import { writeInitialValues } from './initial-values.js';
import { StepCache } from './step-cache.js';
import { type UploadedDataset, UploadedDatasets } from './uploaded-datasets.js';
import { valuesAfter } from './values-after.js';

/** Largest number of steps of one call of `train` or `evaluate`. */
export const MAX_STEPS = MAX_ROWS;

/** Sums over some examples of a dataset. */
export interface EvaluationSums {
  /** Sum over batches of the loss times its `lossWeight`. */
  readonly loss: number;
  /** (K, K) counts, for a loss on labels. */
  readonly confusion: Values | undefined;
}

/** A model on a backend: the tensors that training needs, and the compiled steps over them. */
export class Engine {
  readonly setup: TrainingSetup;
  readonly moments: readonly (readonly Tensor[])[];
  readonly #backend: Backend;
  readonly #state = createStepState();
  /** Datasets on the backend. */
  readonly datasets: UploadedDatasets;
  readonly #datasetSteps: StepCache;
  readonly #predictions: StepCache<{ source: BatchSource; predictions: Tensor }>;
  readonly #gradients: StepCache<{ source: BatchSource; L: Tensor }>;
  #uploadedOrder: { readonly index: Tensor; readonly order: Int32Array } | undefined;
  #confusion: Tensor | undefined;
  #features: number | undefined;

  constructor(backend: Backend, setup: TrainingSetup, seed: number) {
    const { runtime } = backend;
    this.#backend = backend;
    this.setup = setup;
    this.moments = createMoments(setup);
    this.#datasetSteps = new StepCache(runtime);
    this.#predictions = new StepCache(runtime);
    this.#gradients = new StepCache(runtime);
    this.datasets = new UploadedDatasets(runtime, ({ key }) => this.#datasetSteps.drop(`${key} `));
    writeInitialValues(runtime, setup.model, seed);
  }

  /** The state of training: parameters, buffers and the optimizer's moments. */
  get trainedTensors(): Tensor[] {
    const { parameters, buffers = [] } = this.setup.model;
    const own = [...parameters, ...buffers].map(({ tensor }) => tensor);
    return [...own, ...this.moments.flat()];
  }

  /** Whether more steps may be submitted before the losses of earlier ones have been read. */
  get runsAhead(): boolean {
    return this.#backend.runtime.runsAhead === true;
  }

  /** By how many milliseconds the answers of the backend may be late. */
  get wait(): number {
    return this.#backend.runtime.wait ?? 0;
  }

  /** Weight that makes batch losses add up: the number of examples for a mean, 1 for a sum. */
  lossWeight(examples: number): number {
    return this.setup.loss.reduction === 'mean' ? examples : 1;
  }

  read(tensors: readonly Tensor[]): Promise<Values[]> {
    return valuesAfter(this.#backend, async () => tensors);
  }

  write(tensors: readonly Tensor[], values: readonly ArrayLike<number>[]): Promise<void> {
    return this.#backend.exclusive(async () => {
      tensors.forEach((tensor, i) => {
        this.#backend.runtime.write(tensor, values[i]);
      });
    });
  }

  /**
   * Checks that model, loss and dataset fit together.
   *
   * @returns the number of classes that the loss distinguishes; 0 for regression
   * @throws ShapeError when the model does not accept the dataset's examples, or the loss does not
   *   accept the model's output or the dataset's targets
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

  /**
   * Checks that the model can be trained on full batches and on the smaller last one.
   *
   * @throws ShapeError when it cannot, or when the dataset is smaller than a batch
   */
  checkBatches(dataset: Dataset, batchSize: number): void {
    this.checkDataset(dataset);
    if (batchSize > dataset.size) {
      throw new ShapeError(
        `fit: expected a batch of at most ${dataset.size} examples, the size of ${dataset.name}, got ${batchSize}; lower batchSize`,
      );
    }
    const tensors = { state: this.#state, moments: this.moments };
    for (const size of [batchSize, dataset.size % batchSize]) {
      if (size > 0) trainingStep(this.setup, tensors, sourceOf(dataset), size);
    }
  }

  /** Numbers per example: those that the model declares, else those of the latest dataset. */
  get features(): number | undefined {
    const { input } = this.setup.model;
    return typeof input === 'object' ? input.features : this.#features;
  }

  /**
   * Width of the model's output for inputs (B, features).
   *
   * @throws ShapeError when the model does not accept them, or its output is not (B, outputs)
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
   * Uploads a dataset to the backend, unless it is there and unchanged.
   *
   * @throws ShapeError or DataError when it does not fit the model or is not valid
   */
  upload(dataset: Dataset): Promise<void> {
    this.checkDataset(dataset);
    return this.#backend.exclusive(async () => {
      this.datasets.refresh(dataset);
    });
  }

  /**
   * Trains on consecutive batches.
   *
   * @param order indices of the examples in the order of the epoch; uploaded only when another array
   *   is passed than in the call before
   * @param update number of the first update, from 1
   * @param position where in the order the first batch starts
   * @param rates learning rate of each update, at most `MAX_STEPS`
   * @returns the loss of each batch before its update
   */
  async train(
    dataset: Dataset,
    order: Int32Array,
    batchSize: number,
    update: number,
    position: number,
    rates: readonly number[],
  ): Promise<Values> {
    const [losses] = await valuesAfter(this.#backend, async () => {
      const { key, shuffled } = this.datasets.get(dataset);
      this.#uploadOrder(shuffled.index, order);
      const tensors = { state: this.#state, moments: this.moments };
      const { executable } = await this.#datasetSteps.get(`${key} train ${batchSize}`, () => ({
        step: trainingStep(this.setup, tensors, shuffled, batchSize),
        own: [],
      }));
      const { runtime } = this.#backend;
      runtime.write(this.#state.state, stateWords(update, position));
      runtime.write(this.#state.schedule, rates);
      await executable.run(rates.length);
      return [this.#state.losses];
    });
    return losses.subarray(0, rates.length);
  }

  /**
   * Sums loss and confusion counts over consecutive batches of a dataset in its own order.
   *
   * @param position index of the first example
   * @param batches number of batches, at most `MAX_STEPS`
   */
  async evaluate(
    dataset: Dataset,
    batchSize: number,
    position: number,
    batches: number,
    classes: number,
  ): Promise<EvaluationSums> {
    const [losses, counts] = await valuesAfter(this.#backend, async () => {
      const { runtime } = this.#backend;
      const data = this.datasets.get(dataset);
      const confusion = this.#confusionFor(classes);
      const { executable } = await this.#compiledEvaluation(data, batchSize, confusion);
      runtime.write(this.#state.state, stateWords(0, position));
      if (confusion) runtime.write(confusion, new Int32Array(confusion.size));
      await executable.run(batches);
      return confusion ? [this.#state.losses, confusion] : [this.#state.losses];
    });
    const weight = this.lossWeight(batchSize);
    const batchLosses = Array.from(losses.subarray(0, batches));
    return { loss: batchLosses.reduce((sum, loss) => sum + loss * weight, 0), confusion: counts };
  }

  /** The model's predictions for a batch: (size, outputs). */
  async predict(batch: Batch): Promise<Reals> {
    const [values] = await valuesAfter(this.#backend, async () => {
      const { source, executable, predictions } = await this.#predictions.get(
        stepKey(batch),
        () => {
          const source = batchSource(batch, 'none');
          const built = predictionStep(this.setup, this.#state, source, batch.size);
          return { ...built, source, own: [source.inputs, source.index, built.predictions] };
        },
      );
      this.#writeBatch(source, batch);
      await executable.run(1);
      return [predictions];
    });
    return values as Reals;
  }

  /** Loss and gradients of a batch: in this library's layouts, in the order of the parameters. */
  async gradients(batch: Batch, targets: ArrayLike<number>) {
    const [[loss], ...gradients] = await valuesAfter(this.#backend, async () => {
      const { runtime } = this.#backend;
      const { source, executable, L } = await this.#gradients.get(stepKey(batch), () => {
        const source = batchSource(batch, this.setup.loss.targets);
        const built = gradientStep(this.setup, this.#state, source, batch.size);
        const own = [source.inputs, source.index, source.targets as Tensor, built.L];
        return { ...built, source, own };
      });
      this.#writeBatch(source, batch);
      runtime.write(source.targets as Tensor, targets);
      await executable.run(1);
      return [L, ...this.setup.model.parameters.map(({ gradient }) => gradient)];
    });
    return { loss, gradients };
  }

  /** Uploads an order unless `index` already holds it; a dataset uploaded again has a new index. */
  #uploadOrder(index: Tensor, order: Int32Array): void {
    if (this.#uploadedOrder?.index === index && this.#uploadedOrder.order === order) return;
    this.#backend.runtime.write(index, order);
    this.#uploadedOrder = { index, order };
  }

  #compiledEvaluation(data: UploadedDataset, batchSize: number, confusion: Tensor | undefined) {
    return this.#datasetSteps.get(`${data.key} evaluate ${batchSize}`, () => ({
      step: evaluationStep(this.setup, this.#state, data.inOrder, batchSize, confusion),
      own: [],
    }));
  }

  #confusionFor(classes: number): Tensor | undefined {
    if (classes > 0) this.#confusion ??= persistent('confusion', [classes, classes], 'int32');
    return this.#confusion;
  }

  #writeBatch(source: BatchSource, { inputs, size }: Batch): void {
    const { runtime } = this.#backend;
    runtime.write(source.inputs, inputs);
    runtime.write(source.index, naturalOrder(size));
    runtime.write(this.#state.state, stateWords(0, 0));
  }
}
