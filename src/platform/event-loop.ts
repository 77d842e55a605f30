/**
 * Lets timers, input and network events run before the caller continues. Browsers delay nested
 * `setTimeout(0)` calls by 4 ms, so this uses a message channel there.
 */
export function yieldToEventLoop(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
