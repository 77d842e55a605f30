import type { MnistFile } from './mnist-files.js';

/** Progress of the download of one file. */
export interface DownloadProgress {
  /** Name of the file, without `.gz`. */
  readonly file: MnistFile;
  /** Bytes received, including those of an earlier, interrupted download. */
  readonly received: number;
  /** Bytes of the whole file; undefined if the server does not report them. */
  readonly total: number | undefined;
}
