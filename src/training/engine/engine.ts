import type { Executable } from '../../backends/runtime.js';
import { Mutex } from '../../concurrency/mutex.js';
import type { Dataset } from '../../data/dataset.js';
import type { Backend } from '../../numerics/backend.js';
import type { Reals } from '../../numerics/calls.js';
import { createStepState, MAX_ROWS, stateWords } from '../../ops/step-state.js';
import { naturalOrder } from '../../random/threefry.js';
import { persistent, type Tensor, type Values } from '../../tensor.js';
import type { BatchSource } from '../batch-source.js';
import {
  createMoments,
  evaluationStep,
  gradientStep,
  predictionStep,
  type TrainingSetup,
  trainingStep,
} from '../steps.js';
import { Access } from './access.js';
import { type Batch, batchSource, stepKey } from './batch.js';
import { DataChecks } from './data-checks.js';
import { writeInitialValues } from './initial-values.js';
import { StepCache } from './step-cache.js';
import { type UploadedDataset, UploadedDatasets } from './uploaded-datasets.js';

/** Largest number of steps of one call of `train` or `evaluate`. */
export const MAX_STEPS = MAX_ROWS;

/** What an evaluation counts: examples and correct predictions by class, or the confusion matrix. */
export type Counting = 'counts' | 'confusion';

/** Consecutive training steps with the same batch size. */
export interface TrainingSteps {
  /** Indices of the examples, in the order of the epoch; uploaded if it is another array than before. */
  readonly order: Int32Array;
  readonly batchSize: number;
  /** Number of the first update, from 1. */
  readonly update: number;
  /** Where in the order the first batch starts. */
  readonly position: number;
  /** Learning rate of each update, at most `MAX_STEPS`. */
  readonly rates: readonly number[];
  /** Whether the steps are repeated, perhaps on a backend of which a part has failed. */
  readonly isRepeated: boolean;
}

/** A model on a backend: the tensors that training needs, and the compiled steps over them. */
export class Engine {
  readonly setup: TrainingSetup;
  readonly moments: readonly (readonly Tensor[])[];
  readonly checks: DataChecks;
  readonly access: Access;
  /** Datasets on the backend. */
  readonly datasets: UploadedDatasets;
  /** How often `write` replaced tensors. */
  writes = 0;
  readonly #backend: Backend;
  readonly #state = createStepState();
  readonly #counters = new Map<Counting, Tensor>();
  readonly #evaluations = new Mutex();
  readonly #datasetSteps: StepCache;
  readonly #predictions: StepCache<{ source: BatchSource; predictions: Tensor }>;
  readonly #gradients: StepCache<{ source: BatchSource; L: Tensor }>;
  /** Values in place of those on a backend that failed. */
  #kept: ReadonlyMap<Tensor, Values> | undefined;
  #uploadedOrder: { readonly index: Tensor; readonly order: Int32Array } | undefined;

  constructor(backend: Backend, setup: TrainingSetup, seed: number) {
    const { runtime } = backend;
    this.#backend = backend;
    this.setup = setup;
    this.moments = createMoments(setup);
    this.checks = new DataChecks(setup);
    this.access = new Access(backend);
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
    return this.#valuesAfter('reading', async () => tensors);
  }

  write(tensors: readonly Tensor[], values: readonly ArrayLike<number>[]): Promise<void> {
    this.writes++;
    return this.access.writing(async () => {
      tensors.forEach((tensor, i) => {
        this.#backend.runtime.write(tensor, values[i]);
      });
      this.#kept = undefined;
    });
  }

  /** Keeps values of tensors that the backend has lost. Later reads return copies of them. */
  keep(tensors: readonly Tensor[], values: readonly Values[]): void {
    this.#kept = new Map(tensors.map((tensor, i) => [tensor, values[i]]));
  }

  /**
   * Uploads a dataset to the backend, unless it is there and unchanged.
   *
   * @throws ShapeError or DataError when it does not fit the model or is not valid
   */
  upload(dataset: Dataset): Promise<UploadedDataset> {
    this.checks.expectFit(dataset);
    return this.access.exclusive(async () => this.datasets.refresh(dataset));
  }

  /**
   * Trains on consecutive batches.
   *
   * @returns the loss of each batch before its update
   */
  async train(dataset: Dataset, steps: TrainingSteps): Promise<Values> {
    const { order, batchSize, update, position, rates, isRepeated } = steps;
    const [losses] = await this.#valuesAfter('writing', async () => {
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
      await (isRepeated ? repeat(executable, rates.length) : executable.run(rates.length));
      return [this.#state.losses];
    });
    return losses.subarray(0, rates.length);
  }

  /** Runs an evaluation: one at a time, since they share their counters, and with the same weights. */
  evaluating<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.access.keeping(() => this.#evaluations.run(task));
  }

  /** Uploads the dataset of an evaluation, and sets the counters of K classes to zero. */
  beginEvaluation(
    dataset: Dataset,
    counting: Counting | undefined,
    K: number,
  ): Promise<UploadedDataset> {
    return this.access.exclusive(async () => {
      if (counting) {
        const known = this.#counters.get(counting);
        const counters = known ?? persistent(counting, [K, counting === 'counts' ? 2 : K], 'int32');
        this.#counters.set(counting, counters);
        this.#backend.runtime.write(counters, new Int32Array(counters.size));
      }
      return this.datasets.refresh(dataset);
    });
  }

  /**
   * Computes the losses of consecutive batches of a dataset in its own order, and adds to the
   * counters.
   *
   * @param position index of the first example
   * @param batches number of batches, at most `MAX_STEPS`
   */
  async evaluate(
    dataset: Dataset,
    batchSize: number,
    position: number,
    batches: number,
    counting: Counting | undefined,
  ): Promise<Values> {
    const [losses] = await this.#valuesAfter('exclusive', async () => {
      const { runtime } = this.#backend;
      const { key, inOrder } = this.datasets.get(dataset);
      const counters = counting ? { [counting]: this.#counters.get(counting) as Tensor } : {};
      const { executable } = await this.#datasetSteps.get(
        `${key} evaluate ${batchSize} ${counting}`,
        () => ({
          step: evaluationStep(this.setup, this.#state, inOrder, batchSize, counters),
          own: [],
        }),
      );
      runtime.write(this.#state.state, stateWords(0, position));
      await executable.run(batches);
      return [this.#state.losses];
    });
    return losses.subarray(0, batches);
  }

  /** The counters of the evaluation in progress. */
  async readCounters(counting: Counting): Promise<Values> {
    const counters = this.#counters.get(counting) as Tensor;
    const [values] = await this.#valuesAfter('exclusive', async () => [counters]);
    return values;
  }

  /** The model's predictions for a batch: (size, outputs). */
  async predict(batch: Batch): Promise<Reals> {
    const [values] = await this.#valuesAfter('exclusive', async () => {
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
    const [[loss], ...gradients] = await this.#valuesAfter('reading', async () => {
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

  /** Releases all memory of the trainer, once the operations in progress have ended. */
  close(): Promise<void> {
    return this.access.close(() => {
      for (const steps of [this.#datasetSteps, this.#predictions, this.#gradients]) steps.drop('');
      this.datasets.clear();
      const { state, schedule, losses } = this.#state;
      const gradients = this.setup.model.parameters.map(({ gradient }) => gradient);
      const own = [state, schedule, losses, ...gradients, ...this.#counters.values()];
      this.#backend.runtime.release([...this.trainedTensors, ...own]);
    });
  }

  /**
   * The values of tensors after a request, which returns the tensors. The backend accepts other requests
   * before the values have arrived, so one wait for a GPU serves all requests in flight.
   */
  async #valuesAfter(
    access: 'reading' | 'writing' | 'exclusive',
    request: () => Promise<readonly Tensor[]>,
  ): Promise<Values[]> {
    const { runtime } = this.#backend;
    const { values } = await this.access[access](async () => {
      const read = (tensor: Tensor) => this.#kept?.get(tensor)?.slice() ?? runtime.read(tensor);
      return { values: this.access.counting(Promise.all((await request()).map(read))) };
    });
    return values;
  }

  /** Uploads an order unless `index` already holds it; a dataset uploaded again has a new index. */
  #uploadOrder(index: Tensor, order: Int32Array): void {
    if (this.#uploadedOrder?.index === index && this.#uploadedOrder.order === order) return;
    this.#backend.runtime.write(index, order);
    this.#uploadedOrder = { index, order };
  }

  #writeBatch(source: BatchSource, { inputs, size }: Batch): void {
    const { runtime } = this.#backend;
    runtime.write(source.inputs, inputs);
    runtime.write(source.index, naturalOrder(size));
    runtime.write(this.#state.state, stateWords(0, 0));
  }
}

/** Runs steps again, also where a part of the backend has failed but the rest can run them. */
function repeat(executable: Executable, times: number): Promise<void> {
  return executable.runAlone?.(times) ?? executable.run(times);
}
