import { SingleBar } from 'cli-progress';
import type { Progress } from '../../training/history.js';
import { BAR_STYLE } from '../output/bar-style.js';
import { formatCount, formatLoss } from '../output/format.js';

const FORMAT =
  'epoch {epoch}/{epochs} [{bar}] {percentage} %  loss {loss}  {rate} images/s  {eta_formatted} left';

/** Shows a progress bar with loss and speed for each epoch that takes long enough. */
export class TrainingBar {
  readonly #batchSize: number;
  #bar: SingleBar | undefined;
  /** Time in milliseconds and step of this epoch's first progress report. */
  #began = { time: 0, step: 0 };

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  update(progress: Progress): void {
    if (progress.stepInEpoch === progress.stepsPerEpoch) return;
    if (!this.#bar) this.#begin(progress);
    this.#bar?.update(progress.stepInEpoch, this.#fields(progress));
  }

  /** Removes the bar, so that a line can be printed in its place. */
  clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #begin(progress: Progress): void {
    this.#began = { time: performance.now(), step: progress.stepInEpoch };
    this.#bar = new SingleBar({ ...BAR_STYLE, format: FORMAT });
    this.#bar.start(progress.stepsPerEpoch, progress.stepInEpoch, this.#fields(progress));
  }

  #fields({ epoch, epochs, loss, stepInEpoch }: Progress) {
    const images = (stepInEpoch - this.#began.step) * this.#batchSize;
    const seconds = (performance.now() - this.#began.time) / 1000;
    const rate = images > 0 ? formatCount(images / seconds) : '…';
    return { epoch, epochs, loss: formatLoss(loss), rate };
  }
}
