import type { EpochRecord, History } from '../../../training/history.js';
import type { SavedHistory } from './saved-history.js';

/** The epochs of a run, including those of earlier sessions. A session ends with an interruption. */
export class RunLog {
  readonly #records: EpochRecord[];
  readonly #resumedAfter: number;
  /** Time that earlier sessions, and after `end` this one too, spent in the unfinished epoch. */
  #unfinishedSeconds: number;

  /**
   * @param saved the history of earlier sessions
   * @param completed epochs that the checkpoint has completed; later records are dropped
   */
  constructor(saved: SavedHistory = { epochs: [], trainSeconds: 0 }, completed = 0) {
    this.#resumedAfter = completed;
    this.#records = saved.epochs.filter(({ epoch }) => epoch <= completed);
    this.#unfinishedSeconds = Math.max(0, saved.trainSeconds - sumSeconds(saved.epochs));
  }

  /** Adds an epoch, and returns it with the time that earlier sessions spent in it. */
  add(record: EpochRecord): EpochRecord {
    const whole = { ...record, seconds: record.seconds + this.#unfinishedSeconds };
    this.#unfinishedSeconds = 0;
    this.#records.push(whole);
    return whole;
  }

  /** Adds the time of an unfinished epoch. Call it with the result of `fit`, after all `add` calls. */
  end({ epochs, trainSeconds }: History): void {
    this.#unfinishedSeconds += Math.max(0, trainSeconds - sumSeconds(epochs));
  }

  get completedEpochs(): number {
    return this.#records.at(-1)?.epoch ?? this.#resumedAfter;
  }

  get trainSeconds(): number {
    return sumSeconds(this.#records) + this.#unfinishedSeconds;
  }

  toJSON(): SavedHistory {
    return { epochs: this.#records, trainSeconds: this.trainSeconds };
  }
}

function sumSeconds(records: readonly EpochRecord[]): number {
  return records.reduce((sum, { seconds }) => sum + seconds, 0);
}
