import { afterEach, describe, expect, it, vi } from 'vitest';

/** Loads the function anew, since it looks for the engine's functions when it is loaded. */
async function load() {
  vi.resetModules();
  return (await import('../../src/platform/event-loop.js')).yieldToEventLoop;
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('yieldToEventLoop', () => {
  it.each(['before', 'after'])(
    'returns with fake timers that are installed %s it is loaded',
    async (when) => {
      if (when === 'before') vi.useFakeTimers();
      const yieldToEventLoop = await load();
      vi.useFakeTimers();
      for (let i = 0; i < 10; i++) await yieldToEventLoop();
    },
  );

  it('works in jsdom, which has neither setImmediate nor MessageChannel', async () => {
    vi.stubGlobal('setImmediate', undefined);
    vi.stubGlobal('MessageChannel', undefined);
    await (await load())();
  });
});

describe.each([
  ['setImmediate', () => {}],
  // As in a browser, which has no setImmediate.
  ['MessageChannel', () => vi.stubGlobal('setImmediate', undefined)],
])('yieldToEventLoop by %s', (_name, prepare) => {
  it('lets a due timer run', async () => {
    prepare();
    const yieldToEventLoop = await load();
    let hasRun = false;
    setTimeout(() => {
      hasRun = true;
    }, 1);
    const deadline = performance.now() + 5000;
    while (!hasRun && performance.now() < deadline) await yieldToEventLoop();
    expect(hasRun).toBe(true);
  });

  it('takes much less time than a timer', async () => {
    prepare();
    const yieldToEventLoop = await load();
    const times: number[] = [];
    for (let i = 0; i < 500; i++) {
      const began = performance.now();
      await yieldToEventLoop();
      times.push(performance.now() - began);
    }
    // The median, because other programs may use the processor for a while.
    expect(times.sort((a, b) => a - b)[250]).toBeLessThan(0.5);
  });
});
