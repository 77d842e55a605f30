import { SingleBar } from 'cli-progress';
import type { DownloadProgress } from '../../data/download-progress.js';
import { BAR_STYLE } from '../output/bar-style.js';

/** Shows a progress bar on stderr for each downloaded file, if stderr is a terminal. */
export class DownloadBar {
  #bar: SingleBar | undefined;
  #file: string | undefined;

  update({ file, received, total }: DownloadProgress): void {
    if (file !== this.#file) this.#begin(file, total ?? received);
    this.#bar?.update(received, { megabytes: (received / 1e6).toFixed(1) });
  }

  stop(): void {
    this.#bar?.stop();
  }

  #begin(file: string, total: number): void {
    this.stop();
    this.#file = file;
    const format = `${file}.gz [{bar}] {percentage} %  {megabytes} MB`;
    this.#bar = new SingleBar({ ...BAR_STYLE, format });
    this.#bar.start(total, 0, { megabytes: '0.0' });
  }
}
