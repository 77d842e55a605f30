import { yieldToEventLoop } from '../../platform/event-loop.js';
import type { Tensor, Values } from '../../tensor.js';
import type { Engine } from '../engine/engine.js';
import type { History } from '../history.js';
import { Pace } from '../pace.js';
import { divergence, infiniteWeight } from './divergence.js';
import { Reports } from './reports.js';
import { RunData } from './run-data.js';
import {
  expectUpdatesLeft,
  type RunPosition,
  type RunSettings,
  updatesLeft,
} from './run-settings.js';
import { Snapshots } from './snapshots.js';
import { type Chunk, Submissions } from './submissions.js';

/**
 * How long one call into the backend should take: a little more than the 50 ms between progress reports, so
 * that each call is reported.
 */
const CHUNK_MILLISECONDS = 52;
/** How long one call that repeats steps should take. */
const REPEATED_MILLISECONDS = 25;
/** How long steps may be repeated after the backend failed. */
const RESCUE_MILLISECONDS = 500;

/**
 * One run of training: epochs of shuffled batches, in chunks of as many steps as fit into 50 ms.
 * A run can resume at any step.
 *
 * Chunks are pipelined where the backend allows it: the next chunk is submitted before the losses
 * of the current one have been read, so that the backend does not idle.
 *
 *   submitted    chunk 1   chunk 2             chunk 3
 *   backend      | chunk 1           | chunk 2           | chunk 3  …
 *   received                         losses 1            losses 2
 *
 * No chunk is submitted early where the caller may decide what comes next (after an update with
 * `onStep`, at the end of an epoch, after the signal was aborted), or where a snapshot is due.
 */
export class Run {
  readonly position: RunPosition;
  readonly #engine: Engine;
  readonly #settings: RunSettings;
  readonly #stepsPerEpoch: number;
  readonly #tensors: readonly Tensor[];
  readonly #snapshots: Snapshots;
  readonly #submissions: Submissions;
  readonly #data: RunData;
  readonly #reports: Reports;
  readonly #pace: Pace;
  #learningRate = 0;
  /** The step after which the weights were last found to be finite. */
  #finiteAt = -1;
  #isWaiting = false;
  /** The chunk that was submitted before the losses of its predecessor were read. */
  #pipelined: Chunk | undefined;
  /** Number of writes of the engine that the snapshots include. */
  #writes: number;

  constructor(engine: Engine, settings: RunSettings, position: RunPosition) {
    this.#engine = engine;
    this.#settings = settings;
    this.position = position;
    this.#writes = engine.writes;
    this.#data = new RunData(engine, settings.dataset, settings.source);
    this.#pace = new Pace(CHUNK_MILLISECONDS, () => engine.wait);
    this.#stepsPerEpoch = Math.ceil(this.#data.size / settings.batchSize);
    this.#reports = new Reports(settings, this.#stepsPerEpoch);
    this.#tensors = engine.trainedTensors;
    this.#snapshots = new Snapshots(engine, this.#tensors);
    this.#submissions = new Submissions(engine, settings, this.#data.size, position);
  }

  /**
   * The position after all steps that were submitted so far. A read of the weights that is
   * requested now returns the weights at this position.
   */
  get upcoming(): Promise<RunPosition> {
    return this.#submissions.upcoming;
  }

  /** Whether the run waits for `onStep`, `onEpoch` or `resume`, so that no update is in progress. */
  get isPaused(): boolean {
    return this.#reports.isPaused || this.#isWaiting;
  }

  /**
   * Trains up to the last epoch, or until a callback or the signal stops the run.
   *
   * @throws TrainingError when the loss or a weight is not finite; the last good weights are kept
   * @throws BackendError when the backend fails; the weights of the last complete chunk are kept, or
   *   earlier ones, of the latest snapshot at least
   */
  async train(): Promise<History> {
    const { failures } = this.#engine.access;
    try {
      await this.#trainChunks();
    } catch (error) {
      // A callback may throw errors of other backends.
      if (this.#engine.access.failures > failures) await this.#rescue();
      throw error;
    }
    await this.#expectFiniteWeights();
    return this.#reports.history;
  }

  async #trainChunks(): Promise<void> {
    const { epochs, signal } = this.#settings;
    const totalSteps = epochs * this.#stepsPerEpoch;
    try {
      while (this.position.step < totalSteps && !this.#reports.stoppedBy) {
        if (!this.#pipelined) await this.#waitWhilePaused();
        if (signal?.aborted && !this.#pipelined) this.#reports.stopBySignal();
        else await this.#trainChunk();
      }
    } finally {
      await this.#completePipelined();
    }
  }

  async #waitWhilePaused(): Promise<void> {
    const { pause, signal } = this.#settings;
    if (!pause.isOn) return;
    this.#isWaiting = true;
    await pause.wait(signal);
    this.#isWaiting = false;
  }

  async #trainChunk(): Promise<void> {
    let snapshot: Promise<void> | undefined;
    if (!this.#pipelined) {
      expectUpdatesLeft(this.position);
      await this.#refreshData();
      // Requested before the chunk, so that it has the weights before the chunk, and received with it.
      snapshot = this.#snapshots.takeIfDue(this.position);
    }
    const chunk = this.#pipelined ?? this.#submit(this.position.step);
    const next = chunk.first + chunk.rates.length;
    this.#pipelined = this.#mayPipeline(next) ? this.#submit(next) : undefined;
    await snapshot;
    const losses = await this.#complete(chunk);
    const { step } = this.position;
    const examples =
      ((step - 1) % this.#stepsPerEpoch) * this.#settings.batchSize + chunk.batchSize;
    const loss = this.#lossOver(examples);
    await this.#reports.afterChunk({ step, losses, rates: chunk.rates, loss });
    if (step % this.#stepsPerEpoch === 0) {
      // No epoch is reported, and perhaps saved, whose last update made a weight infinite.
      await this.#expectFiniteWeights();
      await this.#reports.afterEpoch(step, loss);
    }
    await yieldToEventLoop();
  }

  /** Uploads data that changed since the last epoch. */
  async #refreshData(): Promise<void> {
    if (this.position.step % this.#stepsPerEpoch === 0 && this.#data.hasChanged()) {
      // Repeating steps needs the data that they used.
      await this.#expectFiniteWeights();
      await this.#engine.upload(this.#data.dataset);
    }
    // Steps before a change of data or weights cannot be repeated.
    const { writes } = this.#engine;
    if (this.#data.wasUploaded() || writes !== this.#writes) {
      this.#writes = writes;
      await this.#snapshots.takeGood(this.position);
    }
  }

  /** Whether the chunk from step `next` may be submitted before the current losses are read. */
  #mayPipeline(next: number): boolean {
    const { onStep, signal, pause } = this.#settings;
    const isDecided =
      !onStep && !signal?.aborted && !pause.isOn && next % this.#stepsPerEpoch !== 0;
    const mayUpdate = updatesLeft(this.position, next) > 0;
    return this.#engine.runsAhead && isDecided && mayUpdate && !this.#snapshots.isDue;
  }

  /** Completes the chunk that was submitted before a callback threw, so that its steps count. */
  async #completePipelined(): Promise<void> {
    const chunk = this.#pipelined;
    this.#pipelined = undefined;
    // The caller gets the error that ended the run, not one that followed from it.
    if (chunk) await this.#complete(chunk).catch(() => {});
  }

  /** Submits steps from step number `first` of the run that take about 50 ms. */
  #submit(first: number): Chunk {
    const chunk = this.#submissions.submit(first, this.#settings.onStep ? 1 : this.#pace.steps);
    const { began, losses, rates, batchSize } = chunk;
    // When the losses arrive, since those of two chunks may arrive together.
    const record = () => {
      const milliseconds = this.#pace.record(began, rates.length);
      this.#reports.addTime(milliseconds, rates.length, rates.length * batchSize);
    };
    // Its error is thrown where the losses are awaited.
    losses.then(record, () => {});
    return chunk;
  }

  /** Waits for a chunk's losses and advances the position. */
  async #complete(chunk: Chunk): Promise<Values> {
    const losses = await chunk.losses;
    await this.#expectFinite(losses, chunk);
    Object.assign(this.position, await chunk.after);
    this.#learningRate = chunk.rates[chunk.rates.length - 1];
    return losses;
  }

  /**
   * If a loss is not finite, restores the last weights whose loss was finite, by repeating the steps
   * from the latest good snapshot, and throws.
   */
  async #expectFinite(losses: Values, { rates, first }: Chunk): Promise<void> {
    if (Number.isFinite(losses[0])) {
      this.#snapshots.markGood();
      this.#submissions.rates.forgetBefore(this.#snapshots.latestGood?.position.step ?? 0);
    }
    const bad = losses.findIndex((loss: number) => !Number.isFinite(loss));
    if (bad < 0) return;
    await this.#restore(first + bad - 1);
    throw divergence(
      `a finite loss, got ${losses[bad]} at step ${first + bad + 1}`,
      Math.floor((first + bad) / this.#stepsPerEpoch) + 1,
      rates[bad],
    );
  }

  /** Does the same if a weight is not finite after the last update, which no later loss would show. */
  async #expectFiniteWeights(): Promise<void> {
    if (this.#finiteAt === this.position.step) return;
    const values = await this.#engine.read(this.#tensors);
    const infinite = infiniteWeight(this.#tensors, values);
    if (infinite === undefined) {
      this.#finiteAt = this.position.step;
      return;
    }
    const { step } = this.position;
    await this.#restore(step - 1);
    throw divergence(
      `finite weights, got ${infinite} after step ${step}`,
      Math.ceil(step / this.#stepsPerEpoch),
      this.#learningRate,
    );
  }

  /**
   * After the backend failed, perhaps in the middle of a step: restores the weights of the last
   * complete chunk, or the latest snapshot if the backend cannot repeat steps.
   */
  async #rescue(): Promise<void> {
    try {
      await this.#restore(this.position.step, RESCUE_MILLISECONDS);
    } catch {
      const snapshot = this.#snapshots.latestGood;
      if (!snapshot) return;
      Object.assign(this.position, snapshot.position);
      this.#engine.keep(this.#tensors, snapshot.values);
    }
  }

  /**
   * Restores the latest good snapshot and repeats the steps before step number `end`, or fewer if
   * they take too long.
   */
  async #restore(end: number, milliseconds = Infinity): Promise<void> {
    this.#pipelined = undefined;
    const snapshot = this.#snapshots.latestGood;
    if (!snapshot) return;
    this.#submissions.continueAt(snapshot.position);
    await this.#engine.write(this.#tensors, snapshot.values);
    Object.assign(this.position, snapshot.position);
    const pace = new Pace(REPEATED_MILLISECONDS);
    const deadline = performance.now() + milliseconds;
    while (this.position.step < end && performance.now() < deadline) {
      const began = performance.now();
      const most = this.#settings.onStep ? 1 : pace.steps;
      const limit = Math.min(most, end - this.position.step);
      const chunk = this.#submissions.submit(this.position.step, limit, true);
      pace.record(began, (await chunk.losses).length);
      Object.assign(this.position, await chunk.after);
      await yieldToEventLoop();
    }
  }

  /** Loss over the first examples of the current epoch. */
  #lossOver(examples: number): number {
    return this.position.lossSum / this.#engine.lossWeight(examples);
  }
}
