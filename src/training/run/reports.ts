import type { Values } from '../../tensor.js';
import { type EpochRecord, type History, validationFields } from '../history.js';
import type { RunSettings } from './run-settings.js';

/** Time between two reports of progress, on average at least. */
const PROGRESS_MILLISECONDS = 50;

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
  #milliseconds = 0;
  #epochMilliseconds = 0;
  #examples = 0;
  #learningRate = 0;
  #isPaused = false;
  /** The earliest time of the next report of progress. */
  #progressDue = -Infinity;
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

  /** Adds the time and the examples of a chunk of steps. */
  addTime(milliseconds: number, examples: number): void {
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
    if (!onProgress || !this.#progressIsDue(step)) return;
    await onProgress({
      epoch,
      epochs,
      stepInEpoch: step - (epoch - 1) * this.#stepsPerEpoch,
      stepsPerEpoch: this.#stepsPerEpoch,
      loss,
      learningRate: this.#learningRate,
    });
  }

  /** Whether to report progress: 20 times a second, and at the end of the run. */
  #progressIsDue(step: number): boolean {
    const now = performance.now();
    if (step === this.#settings.epochs * this.#stepsPerEpoch) return true;
    if (now < this.#progressDue) return false;
    // By the clock, not by the last report: chunks of about 50 ms would otherwise be skipped at random.
    this.#progressDue = Math.max(
      this.#progressDue + PROGRESS_MILLISECONDS,
      now + PROGRESS_MILLISECONDS / 2,
    );
    return true;
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
