import { Interruption, STOP_SIGNALS, type StopSignal } from '../failure.js';

export interface Interrupts {
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP. Its reason is an `Interruption`. */
  readonly signal: AbortSignal;
  /** Restores the default: a signal ends the program at once. */
  stopListening(): void;
}

/** A second signal within this time is ignored: some senders signal both process and group. */
const ECHO_MILLISECONDS = 1000;

/**
 * Turns the first Ctrl-C, SIGTERM or SIGHUP into an abort. A later one ends the program at once: the
 * system does it, since `process.exit` waits for operations on files, which may hang.
 */
export function listenForInterrupts(): Interrupts {
  const controller = new AbortController();
  const onSignal = (name: StopSignal) => {
    if (controller.signal.aborted) return;
    controller.abort(new Interruption(name));
    setTimeout(stopListening, ECHO_MILLISECONDS).unref();
  };
  const stopListening = () => {
    for (const name of STOP_SIGNALS) process.off(name, onSignal);
  };
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  return { signal: controller.signal, stopListening };
}
