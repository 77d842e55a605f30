import type { EpochRecord, History } from '../../training/history.js';

/** history.json of a run. */
export interface SavedHistory {
  readonly epochs: readonly EpochRecord[];
  /** Over all epochs and the last, unfinished one. */
  readonly trainSeconds: number;
}

/** The epochs of a run, those of earlier sittings included. */
export class RunLog {
  readonly #records: EpochRecord[];
  readonly #resumedAfter: number;
  /** Spent in the epoch under way by earlier sittings; at the end, by this one as well. */
  #unfinishedSeconds: number;

  /**
   * @param saved what earlier sittings left
   * @param completed how many epochs the checkpoint has behind it; records beyond are dropped
   */
  constructor(saved: SavedHistory = { epochs: [], trainSeconds: 0 }, completed = 0) {
    this.#resumedAfter = completed;
    this.#records = saved.epochs.filter(({ epoch }) => epoch <= completed);
    this.#unfinishedSeconds = Math.max(0, saved.trainSeconds - sumSeconds(saved.epochs));
  }

  /** Adds an epoch; returns it with the seconds that earlier sittings spent in it. */
  add(record: EpochRecord): EpochRecord {
    const whole = { ...record, seconds: record.seconds + this.#unfinishedSeconds };
    this.#unfinishedSeconds = 0;
    this.#records.push(whole);
    return whole;
  }

  /** Takes in what `fit` returned, when all its epochs were added. */
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
