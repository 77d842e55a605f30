/** Errors and exit statuses. A command that fails prints one line on stderr. */

import { reasonOf } from '../errors.js';

export const SUCCESS = 0;
export const FAILURE = 1;
export const WRONG_USAGE = 2;

/** Exit statuses after a signal, as shells report them: 128 plus the signal's number. */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export type StopSignal = keyof typeof SIGNAL_STATUS;

/** The signals that ask a program to stop: a closed terminal, Ctrl-C, and the system. */
export const STOP_SIGNALS = Object.keys(SIGNAL_STATUS) as StopSignal[];

/** Options that contradict each other. The parser reports all other wrong usage itself. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The user or the system asked the program to stop. */
export class Interruption extends Error {
  override name = 'Interruption';

  constructor(
    readonly signal: StopSignal,
    message = 'interrupted',
  ) {
    super(message);
  }

  get status(): number {
    return SIGNAL_STATUS[this.signal];
  }
}

/** The exit status for an error that ended a command. */
export function statusOf(error: unknown): number {
  if (error instanceof UsageError) return WRONG_USAGE;
  if (error instanceof Interruption) return error.status;
  return FAILURE;
}

/** `handgrad: ` and the error's message in one line; with `verbose`, the stack follows. */
export function describeFailure(error: unknown, verbose: boolean): string {
  const line = `handgrad: ${oneLine(reasonOf(error))}\n`;
  const stack = error instanceof Error ? error.stack : undefined;
  return verbose && stack !== undefined ? `${line}${stack}\n` : line;
}

/** Replaces line breaks, which a file name may contain, by spaces. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n]+\s*/g, ' ');
}
