import { Interruption, type StopSignal } from '../failure.js';

export interface Interrupts {
  /** Aborted by the first Ctrl-C or SIGTERM. Its reason is an `Interruption`. */
  readonly signal: AbortSignal;
  /** Restores the default: a signal ends the program at once. */
  stopListening(): void;
}

/** A second signal within this time is ignored: some senders signal both process and group. */
const ECHO_MILLISECONDS = 1000;

/** Turns the first Ctrl-C or SIGTERM into an abort. A later one ends the program at once. */
export function listenForInterrupts(): Interrupts {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (name: StopSignal) => {
    const interruption = new Interruption(name);
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort(interruption);
    } else if (performance.now() - first > ECHO_MILLISECONDS) {
      process.exit(interruption.status);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stopListening() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
