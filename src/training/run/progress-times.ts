/** Milliseconds between two reports, on average. Chunks of short steps take a little longer. */
const INTERVAL = 50;
/** By how much a report may come early, so that chunks of slightly different lengths are all reported. */
const SLACK = 10;

/** How far the run is when a report may be due. */
interface Progress {
  /** Whether these are the last updates of the run. */
  readonly endsRun: boolean;
  /** Updates that the epoch still needs. */
  readonly stepsLeft: number;
  /** Updates of the epoch so far, and how many milliseconds they took. */
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * Decides which chunks of a run `onProgress` hears of: the first, the last, the end of each epoch that takes
 * at least two intervals, and others an interval apart.
 */
export class ProgressTimes {
  /** When the next report is due, by `performance.now()`. */
  #due = -Infinity;

  /** Whether to report now. */
  isDue(progress: Progress): boolean {
    const now = performance.now();
    const isDue = progress.endsRun || isEndOfLongEpoch(progress) || this.#isTime(now, progress);
    // A report that came early delays the next one, so that the rate holds.
    if (isDue) this.#due = Math.max(this.#due, now - SLACK) + INTERVAL;
    return isDue;
  }

  #isTime(now: number, { stepsLeft, steps, milliseconds }: Progress): boolean {
    if (now < this.#due) return false;
    // Just before the end of an epoch, the end is reported instead.
    const left = (stepsLeft * milliseconds) / steps;
    return stepsLeft === 0 || this.#due === -Infinity || left >= INTERVAL - SLACK;
  }
}

function isEndOfLongEpoch({ stepsLeft, milliseconds }: Progress): boolean {
  return stepsLeft === 0 && milliseconds >= 2 * INTERVAL;
}
