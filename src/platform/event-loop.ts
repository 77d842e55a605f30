import { builtinModule } from './node.js';

/** Read when the module loads: tests may install fake timers later, which only the test advances. */
const { setImmediate, setTimeout } = globalThis as Partial<typeof globalThis>;

/**
 * Lets timers, input and network events run before the caller continues. Browsers delay nested
 * `setTimeout(0)` calls by 4 ms, so this uses a message channel there. The channel also serves where fake
 * timers were installed before this module was loaded. jsdom hides both, so timers remain.
 */
export function yieldToEventLoop(): Promise<void> {
  if (setImmediate && !isFake(setImmediate)) return new Promise((resolve) => setImmediate(resolve));
  const Channel = messageChannel();
  if (!Channel) return new Promise((resolve) => setTimeout?.(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new Channel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

function messageChannel(): typeof MessageChannel | undefined {
  if (typeof MessageChannel === 'function') return MessageChannel;
  return builtinModule<typeof globalThis>('node:worker_threads')?.MessageChannel;
}

/** Whether a timer function belongs to @sinonjs/fake-timers, which Jest, Vitest and Sinon use. */
function isFake(timer: object): boolean {
  return 'clock' in timer;
}
