import type { Dataset } from '../data/dataset.js';
import { TrainingError } from '../errors.js';
import { yieldToEventLoop } from '../event-loop.js';
import { RandomStream, STREAMS, shuffle } from '../random/threefry.js';
import type { Tensor, Values } from '../tensor.js';
import { naturalOrder } from './device-datasets.js';
import { type Engine, MAX_STEPS } from './engine.js';
import type { EpochRecord, Evaluation, History, Progress, StepReport } from './history.js';

type Awaitable<Value> = Value | Promise<Value>;

export interface FitCallbacks {
  /**
   * After every update; `false` stops the run there. Each update is then a call of its own into
   * the backend, so prefer `onProgress` for showing progress.
   */
  readonly onStep?: (report: StepReport) => Awaitable<unknown>;
  /** After every epoch and its validation; `false` stops the run. */
  readonly onEpoch?: (record: EpochRecord) => Awaitable<unknown>;
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the run after the update under way; what was learned so far stays. */
  readonly signal?: AbortSignal;
}

export interface RunSettings extends FitCallbacks {
  readonly dataset: Dataset;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly validate?: () => Promise<Evaluation>;
}

/** Where a run stands: all that, with the tensors, is needed to go on exactly there. */
export interface RunPosition {
  /** Updates and epochs that earlier runs of the same trainer made. */
  readonly updatesBefore: number;
  readonly epochsBefore: number;
  /** Updates of this run. */
  step: number;
  /** Sum over the batches of the epoch under way, each loss by its weight. */
  lossSum: number;
}

/** How long one call into the backend should take: twice as often as progress is promised. */
const CHUNK_MILLISECONDS = 50;
/** How often the state of training is set aside, to return to if the loss stops being finite. */
const SNAPSHOT_MILLISECONDS = 2000;

interface Snapshot {
  readonly values: readonly Values[];
  readonly position: RunPosition;
}

/**
 * One run of training: epochs of shuffled batches, in chunks of as many steps as fit into 50 ms.
 * Everything about a step follows from its number, so a run can be taken up anywhere.
 */
export class Run {
  readonly position: RunPosition;
  readonly #engine: Engine;
  readonly #settings: RunSettings;
  readonly #stepsPerEpoch: number;
  readonly #tensors: readonly Tensor[];
  readonly #records: EpochRecord[] = [];
  #order: { readonly epoch: number; readonly indices: Int32Array } | undefined;
  #chunkSize = 1;
  #milliseconds = 0;
  #epochMilliseconds = 0;
  #examples = 0;
  #stoppedBy: History['stoppedBy'];
  #learningRate = 0;
  #good: Snapshot | undefined;
  #candidate: Snapshot | undefined;
  #candidateTime = -Infinity;

  constructor(engine: Engine, settings: RunSettings, position: RunPosition) {
    this.#engine = engine;
    this.#settings = settings;
    this.position = position;
    this.#stepsPerEpoch = Math.ceil(settings.dataset.size / settings.batchSize);
    this.#tensors = engine.trainedTensors;
  }

  /** @throws TrainingError when the loss stops being finite; the last good weights are kept */
  async train(): Promise<History> {
    const { epochs, signal } = this.#settings;
    const totalSteps = epochs * this.#stepsPerEpoch;
    while (this.position.step < totalSteps && !this.#stoppedBy) {
      if (signal?.aborted) this.#stoppedBy = 'signal';
      else await this.#trainChunk();
    }
    await this.#expectFiniteWeights();
    return {
      epochs: this.#records,
      trainSeconds: this.#milliseconds / 1000,
      examples: this.#examples,
      ...(this.#stoppedBy && { stoppedBy: this.#stoppedBy }),
    };
  }

  async #trainChunk(): Promise<void> {
    await this.#takeSnapshot();
    const first = this.position.step;
    const began = performance.now();
    const { losses, rates, batchSize } = await this.#runSteps(first, this.#stepsInChunk(first));
    this.#account(performance.now() - began, losses.length, batchSize);
    await this.#expectFinite(losses, rates, first);
    this.#advance(losses, batchSize);
    this.#learningRate = rates[rates.length - 1];
    await this.#report(losses, rates);
    if (this.position.step % this.#stepsPerEpoch === 0) await this.#endEpoch();
    await yieldToEventLoop();
  }

  /** Steps from `first` that share a batch size and an epoch, and take about 50 ms. */
  #stepsInChunk(first: number): number {
    const { dataset, batchSize, onStep } = this.#settings;
    if (onStep) return 1;
    const wholeBatches = Math.floor(dataset.size / batchSize);
    const left = wholeBatches - (first % this.#stepsPerEpoch);
    return Math.max(1, Math.min(this.#chunkSize, left, MAX_STEPS));
  }

  /** Runs `count` steps from step number `first` of the run. */
  async #runSteps(first: number, count: number) {
    const { dataset, batchSize, epochs } = this.#settings;
    const { schedule } = this.#engine.setup.optimizer;
    const epoch = Math.floor(first / this.#stepsPerEpoch);
    const offset = (first % this.#stepsPerEpoch) * batchSize;
    const size = Math.min(batchSize, dataset.size - offset);
    const totalSteps = epochs * this.#stepsPerEpoch;
    const rates = Array.from({ length: count }, (_, i) =>
      schedule.at(first + i, totalSteps, this.#stepsPerEpoch),
    );
    const update = this.position.updatesBefore + first + 1;
    const order = this.#orderOf(epoch);
    const losses = await this.#engine.train(dataset, order, size, update, offset, rates);
    return { losses, rates, batchSize: size };
  }

  /** Which example comes when in an epoch: the same array as long as it is the same epoch. */
  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch === epoch) return this.#order.indices;
    const { dataset, seed } = this.#settings;
    const indices = naturalOrder(dataset.size);
    if (this.#settings.shuffle) {
      shuffle(indices, new RandomStream(seed, STREAMS.shuffle, this.position.epochsBefore + epoch));
    }
    this.#order = { epoch, indices };
    return indices;
  }

  #account(milliseconds: number, steps: number, batchSize: number): void {
    this.#milliseconds += milliseconds;
    this.#epochMilliseconds += milliseconds;
    this.#examples += steps * batchSize;
    const wanted = Math.floor((CHUNK_MILLISECONDS * steps) / Math.max(milliseconds, 0.01));
    // At most four times as many: the first steps also compile, and clocks may be coarse.
    this.#chunkSize = Math.max(1, Math.min(wanted, 4 * this.#chunkSize));
  }

  async #report(losses: Values, rates: readonly number[]): Promise<void> {
    const { onStep, onProgress, epochs } = this.#settings;
    const step = this.position.step;
    const epoch = Math.ceil(step / this.#stepsPerEpoch);
    if (onStep) {
      const go = await onStep({ step, epoch, loss: losses[0], learningRate: rates[0] });
      if (go === false) this.#stoppedBy = 'onStep';
    }
    const stepInEpoch = step - (epoch - 1) * this.#stepsPerEpoch;
    onProgress?.({
      epoch,
      epochs,
      stepInEpoch,
      stepsPerEpoch: this.#stepsPerEpoch,
      loss: this.#lossOver(this.#examplesIn(stepInEpoch)),
      learningRate: this.#learningRate,
    });
  }

  /** Examples in the first `steps` batches of an epoch. */
  #examplesIn(steps: number): number {
    return Math.min(steps * this.#settings.batchSize, this.#settings.dataset.size);
  }

  async #endEpoch(): Promise<void> {
    const { dataset, validate, onEpoch } = this.#settings;
    const trainLoss = this.#lossOver(dataset.size);
    const record: EpochRecord = {
      epoch: this.position.step / this.#stepsPerEpoch,
      trainLoss,
      ...(validate && validationFields(await validate())),
      learningRate: this.#learningRate,
      seconds: this.#epochMilliseconds / 1000,
    };
    this.#epochMilliseconds = 0;
    this.#records.push(record);
    if ((await onEpoch?.(record)) === false) this.#stoppedBy = 'onEpoch';
  }

  /**
   * Sets the state aside now and then. A snapshot counts as good only once a loss computed from
   * it was finite, since an update may already have ruined the weights.
   */
  async #takeSnapshot(): Promise<void> {
    const now = performance.now();
    if (now - this.#candidateTime < SNAPSHOT_MILLISECONDS) return;
    const values = await this.#engine.read(this.#tensors);
    this.#candidate = { values, position: { ...this.position } };
    this.#candidateTime = now;
  }

  /**
   * Does nothing while all losses are finite. Otherwise returns to the last weights whose loss
   * was, by running again from the latest good snapshot, and throws.
   */
  async #expectFinite(losses: Values, rates: readonly number[], first: number): Promise<void> {
    if (Number.isFinite(losses[0])) this.#good = this.#candidate ?? this.#good;
    const bad = losses.findIndex((loss: number) => !Number.isFinite(loss));
    if (bad < 0) return;
    await this.#restore(first + bad - 1);
    throw divergence(
      `a finite loss, got ${losses[bad]} at step ${first + bad + 1}`,
      Math.floor((first + bad) / this.#stepsPerEpoch) + 1,
      rates[bad],
    );
  }

  /** The same for what the last update made of the weights, which no later loss would show. */
  async #expectFiniteWeights(): Promise<void> {
    const values = await this.#engine.read(this.#tensors);
    const bad = values.findIndex((array) => !array.every(Number.isFinite));
    if (bad < 0) return;
    const { step } = this.position;
    await this.#restore(step - 1);
    throw divergence(
      `finite weights, got ${values[bad].find((value: number) => !Number.isFinite(value))} in ${this.#tensors[bad].name} after step ${step}`,
      Math.ceil(step / this.#stepsPerEpoch),
      this.#learningRate,
    );
  }

  /** Returns to the latest good snapshot and repeats the steps up to number `end`. */
  async #restore(end: number): Promise<void> {
    const snapshot = this.#good ?? this.#candidate;
    if (!snapshot) return;
    await this.#engine.write(this.#tensors, snapshot.values);
    Object.assign(this.position, snapshot.position);
    while (this.position.step < end) {
      const first = this.position.step;
      const left = Math.min(this.#stepsInChunk(first), end - first);
      const { losses, batchSize } = await this.#runSteps(first, left);
      this.#advance(losses, batchSize);
      await yieldToEventLoop();
    }
  }

  #advance(losses: Values, batchSize: number): void {
    if (this.position.step % this.#stepsPerEpoch === 0) this.position.lossSum = 0;
    this.position.step += losses.length;
    const weight = this.#engine.lossWeight(batchSize);
    for (const loss of losses) this.position.lossSum += loss * weight;
  }

  /** Loss over the first examples of the epoch under way. */
  #lossOver(examples: number): number {
    return this.position.lossSum / this.#engine.lossWeight(examples);
  }
}

function divergence(found: string, epoch: number, rate: number): TrainingError {
  const where = `epoch ${epoch}, learning rate ${Number(rate.toPrecision(6))}`;
  return new TrainingError(
    `fit: expected ${found} (${where}); lower the learning rate or limit the gradients with clipNorm; the last good weights are kept`,
  );
}

function validationFields({ loss, accuracy, balancedAccuracy }: Evaluation) {
  if (Number.isNaN(accuracy)) return { validLoss: loss };
  return {
    validLoss: loss,
    validAccuracy: accuracy,
    validBalancedAccuracy: balancedAccuracy,
  };
}
