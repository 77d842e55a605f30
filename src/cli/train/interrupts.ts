import { Interruption, type StopSignal } from '../failure.js';

export interface Interrupts {
  /** Aborted, for the reason of an `Interruption`, by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Lets signals end the program at once again, as they do by default. */
  stopListening(): void;
}

/** Within this time, a second signal is the first one's echo: some senders signal a whole group too. */
const ECHO_MILLISECONDS = 1000;

/** Turns the first Ctrl-C or SIGTERM into an abort; a later second one ends the program at once. */
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
