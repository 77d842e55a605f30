/** Fake timers of test runners mark the functions that they replace; a run must not wait for those. */
const immediate =
  typeof setImmediate === 'function' && !('clock' in setImmediate) ? setImmediate : undefined;

/**
 * Lets timers, input and network events run before the caller continues. Browsers delay nested
 * `setTimeout(0)` calls by 4 ms, so this uses a message channel there. jsdom has neither.
 */
export function yieldToEventLoop(): Promise<void> {
  if (immediate) return new Promise((resolve) => immediate(() => resolve()));
  if (typeof MessageChannel === 'undefined') return new Promise((resolve) => setTimeout(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
