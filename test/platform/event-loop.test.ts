import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const withoutImmediate = () => vi.stubGlobal('setImmediate', undefined);
const withoutChannel = () => vi.stubGlobal('MessageChannel', undefined);
const withoutModules = () =>
  vi.stubGlobal('process', { ...process, versions: process.versions, getBuiltinModule: undefined });
const withFakeTimers = () => void vi.useFakeTimers();

/** The environment when the module loads. */
const ENVIRONMENTS = [
  { environment: 'Node', hidden: [], milliseconds: 0.5 },
  { environment: 'a browser', hidden: [withoutImmediate], milliseconds: 0.5 },
  { environment: 'jsdom', hidden: [withoutImmediate, withoutChannel], milliseconds: 0.5 },
  {
    environment: 'jsdom without modules of Node',
    hidden: [withoutImmediate, withoutChannel, withoutModules],
    milliseconds: 4,
  },
];

async function load(hidden: readonly (() => unknown)[]) {
  for (const hide of hidden) hide();
  vi.resetModules();
  return (await import('../../src/platform/event-loop.js')).yieldToEventLoop;
}

describe.each(ENVIRONMENTS)('yieldToEventLoop in $environment', ({ hidden, milliseconds }) => {
  it('lets a due timer run', async () => {
    const yieldToEventLoop = await load(hidden);
    let hasRun = false;
    setTimeout(() => {
      hasRun = true;
    }, 1);
    const deadline = performance.now() + 5000;
    while (!hasRun && performance.now() < deadline) await yieldToEventLoop();
    expect(hasRun).toBe(true);
  });

  it('takes little time', async () => {
    const yieldToEventLoop = await load(hidden);
    const times: number[] = [];
    for (let i = 0; i < 300; i++) {
      const began = performance.now();
      await yieldToEventLoop();
      times.push(performance.now() - began);
    }
    // The median, because other programs may use the processor for a while.
    expect(times.sort((a, b) => a - b)[150]).toBeLessThan(milliseconds);
  });

  it('goes on under fake timers that are installed after the library is loaded', async () => {
    const yieldToEventLoop = await load(hidden);
    withFakeTimers();
    await yieldToEventLoop();
  });
});

it.each(ENVIRONMENTS.slice(0, 3))(
  'goes on in $environment under fake timers that are installed before the library is loaded',
  async ({ hidden }) => {
    const yieldToEventLoop = await load([withFakeTimers, ...hidden]);
    await yieldToEventLoop();
  },
);
