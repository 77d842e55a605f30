import type { Options } from 'cli-progress';

/** Progress bars appear on stderr, only on a terminal, and disappear when they are done. */
export const BAR_STYLE: Options = {
  stream: process.stderr,
  barsize: 16,
  barCompleteChar: '█',
  barIncompleteChar: '░',
  clearOnComplete: true,
  // Do not switch off the terminal's line wrapping: an abrupt exit could not restore it.
  linewrap: true,
};
