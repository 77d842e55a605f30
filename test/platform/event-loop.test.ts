import { afterEach, describe, expect, it, vi } from 'vitest';
import { yieldToEventLoop } from '../../src/platform/event-loop.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each([
  ['setImmediate', () => {}],
  // As in a browser, which has no setImmediate.
  ['MessageChannel', () => vi.stubGlobal('setImmediate', undefined)],
])('yieldToEventLoop by %s', (_name, prepare) => {
  it('lets a due timer run', async () => {
    prepare();
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
