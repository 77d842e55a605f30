import type { Values } from '../../tensor.js';
import { type EpochRecord, type History, validationFields } from '../history.js';
import { ProgressTimes } from './progress-times.js';
import type { RunSettings } from './run-settings.js';

/** What the callbacks of a run report after a chunk of steps. */
interface ChunkReport {
  /** Number of the last update within the run, from 1. */
  readonly step: number;
  readonly losses: Values;
  readonly rates: readonly number[];
  /** Loss over the epoch so far. */
  readonly loss: number;
}

/** Calls the callbacks of a run, and keeps its history. */
export class Reports {
  readonly #records: EpochRecord[] = [];
  readonly #settings: RunSettings;
  readonly #stepsPerEpoch: number;
  readonly #progressTimes = new ProgressTimes();
  #milliseconds = 0;
  #epochMilliseconds = 0;
  /** Updates of the epoch that this run did; a resumed run begins within an epoch. */
  #epochSteps = 0;
  #examples = 0;
  #learningRate = 0;
  #isPaused = false;
  #stoppedBy: History['stoppedBy'];

  constructor(settings: RunSettings, stepsPerEpoch: number) {
    this.#settings = settings;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** The callback or signal that stopped the run; undefined while it continues. */
  get stoppedBy(): History['stoppedBy'] {
    return this.#stoppedBy;
  }

  /** The result of the run so far. */
  get history(): History {
    return {
      epochs: this.#records,
      trainSeconds: this.#milliseconds / 1000,
      examples: this.#examples,
      ...(this.#stoppedBy && { stoppedBy: this.#stoppedBy }),
    };
  }

  /** Whether the run waits for `onStep` or `onEpoch`, so that no update is in progress. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Stops the run at the request of its signal. */
  stopBySignal(): void {
    this.#stoppedBy = 'signal';
  }

  /** Adds the time, the steps and the examples of a chunk. */
  addTime(milliseconds: number, steps: number, examples: number): void {
    this.#epochSteps += steps;
    this.#milliseconds += milliseconds;
    this.#epochMilliseconds += milliseconds;
    this.#examples += examples;
  }

  async afterChunk({ step, losses, rates, loss }: ChunkReport): Promise<void> {
    const { onStep, onProgress, epochs } = this.#settings;
    this.#learningRate = rates[rates.length - 1];
    const epoch = Math.ceil(step / this.#stepsPerEpoch);
    if (onStep) {
      const report = { step, epoch, loss: losses[0], learningRate: rates[0] };
      if ((await this.#pause(() => onStep(report))) === false) this.#stoppedBy = 'onStep';
    }
    if (!onProgress || !this.#isProgressDue(step, epoch)) return;
    await onProgress({
      epoch,
      epochs,
      stepInEpoch: step - (epoch - 1) * this.#stepsPerEpoch,
      stepsPerEpoch: this.#stepsPerEpoch,
      loss,
      learningRate: this.#learningRate,
    });
  }

  #isProgressDue(step: number, epoch: number): boolean {
    const { epochs, signal } = this.#settings;
    const isStopped = this.#stoppedBy !== undefined || signal?.aborted === true;
    return this.#progressTimes.isDue({
      endsRun: isStopped || step === epochs * this.#stepsPerEpoch,
      stepsLeft: epoch * this.#stepsPerEpoch - step,
      steps: this.#epochSteps,
      milliseconds: this.#epochMilliseconds,
    });
  }

  /**
   * Validates after the last chunk of an epoch, and records and reports the epoch.
   *
   * @param step number of the last update within the run, from 1
   */
  async afterEpoch(step: number, trainLoss: number): Promise<void> {
    const { validate, onEpoch } = this.#settings;
    const seconds = this.#epochMilliseconds / 1000;
    this.#epochMilliseconds = 0;
    this.#epochSteps = 0;
    const record: EpochRecord = {
      epoch: step / this.#stepsPerEpoch,
      trainLoss,
      ...(validate && validationFields(await validate())),
      learningRate: this.#learningRate,
      seconds,
    };
    this.#records.push(record);
    if ((await this.#pause(() => onEpoch?.(record))) === false) this.#stoppedBy = 'onEpoch';
  }

  /** Calls and awaits a callback, which may replace the weights. */
  async #pause(callback: () => unknown): Promise<unknown> {
    this.#isPaused = true;
    try {
      return await callback();
    } finally {
      this.#isPaused = false;
    }
  }
}
