import { Interruption, type StopSignal } from './failure.js';

export interface Interrupts {
  /** Aborted, for the reason of an `Interruption`, by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Lets signals end the program at once again, as they do by default. */
  stopListening(): void;
}

/** Turns the first Ctrl-C or SIGTERM into an abort; the second one ends the program at once. */
export function listenForInterrupts(): Interrupts {
  const controller = new AbortController();
  const onSignal = (name: StopSignal) => {
    const interruption = new Interruption(name);
    if (controller.signal.aborted) process.exit(interruption.status);
    controller.abort(interruption);
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
