/* The number of steps in a call to the backend, in simulated time. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { linear, sequential, squaredError } from '../../src/index.js';
import { Backend } from '../../src/numerics/backend.js';
import { Pace } from '../../src/training/pace.js';
import { createTrainer, plane } from './fixtures.js';
import { PolledRuntime } from './run/polled-runtime.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setImmediate'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/**
 * Trains one epoch.
 *
 * @param cost milliseconds of a step
 * @param poll milliseconds between two looks at the GPU
 * @returns milliseconds of the epoch, the longest time between two reports, and how often the weights
 *   were read
 */
async function trainEpoch(steps: number, cost: number, poll: number) {
  const runtime = new PolledRuntime(cost, poll);
  const read = vi.spyOn(runtime, 'read');
  const backend = new Backend(runtime);
  const [model, loss] = [sequential(linear(2, 1)), squaredError()];
  const trainer = createTrainer(backend, { model, loss, batchSize: 1 });
  const began = performance.now();
  let last = began;
  let gap = 0;
  const reports: number[] = [];
  let isDone = false;
  const onProgress = () => {
    gap = Math.max(gap, performance.now() - last);
    last = performance.now();
    reports.push(last);
  };
  const fitting = trainer.fit(plane({ size: steps }), { epochs: 1, onProgress }).finally(() => {
    isDone = true;
  });
  while (!isDone) await vi.advanceTimersByTimeAsync(1);
  await fitting;
  const readings = read.mock.calls.filter(([{ name }]) => name === '0.weight').length;
  return { took: performance.now() - began, gap, readings, reports };
}

describe('with a GPU that is looked at every 100 ms', () => {
  it.each([0.2, 0.8, 7, 13, 17, 26, 30, 49, 51, 60])(
    'fit keeps 70 % of its speed, and reports every 150 ms: steps of %f ms',
    async (cost) => {
      const steps = Math.round(8000 / cost);
      const { took, gap } = await trainEpoch(steps, cost, 100);
      expect((steps * cost) / took).toBeGreaterThan(0.7);
      expect(gap).toBeLessThanOrEqual(150);
    },
  );

  it('200 short steps take a second', async () => {
    const { took } = await trainEpoch(200, 0.8, 100);
    expect(took).toBeLessThan(1300);
  });
});

it('a GPU that is looked at continually reports ten times per second or more, without idling', async () => {
  const { took, gap } = await trainEpoch(10_000, 0.8, 0);
  expect(took).toBeLessThan(1.05 * 8000);
  expect(gap).toBeLessThan(100);
});

it.each([
  [1, 0],
  [5, 0],
  [0.3, 16],
  [0.8, 100],
])(
  'progress is reported at most 20 times a second: steps of %f ms, a look every %i ms',
  async (cost, poll) => {
    const { reports } = await trainEpoch(Math.round(6000 / cost), cost, poll);
    expect(reports.length).toBeGreaterThan(25);
    for (const [i, time] of reports.entries()) {
      // The report at the end comes in any case.
      const inNextSecond = reports.slice(i, -1).filter((other) => other < time + 1000);
      expect(inNextSecond.length).toBeLessThanOrEqual(21);
    }
  },
);

it('weights are saved every two seconds, also where calls follow each other without a pause', async () => {
  const { took, readings } = await trainEpoch(20_000, 0.8, 0);
  // At the start, every two seconds, and at the end.
  expect(readings).toBeGreaterThanOrEqual(Math.floor(took / 2100) + 1);
  expect(readings).toBeLessThanOrEqual(Math.floor(took / 2000) + 2);
});

it('a stall of the event loop, after which two answers come together, makes calls no longer', () => {
  const pace = new Pace(50);
  const cost = 0.8;
  let gpu = 0;
  const submit = () => {
    const began = performance.now();
    const { steps } = pace;
    gpu = Math.max(gpu, began) + steps * cost;
    return { began, steps, ends: gpu };
  };
  let calls = [submit(), submit()];
  for (let i = 0; i < 60; i++) {
    const [call] = calls;
    const answered = Math.max(performance.now(), call.ends) + (i === 30 ? 120 : 0);
    vi.advanceTimersByTime(answered - performance.now());
    pace.record(call.began, call.steps);
    calls = [calls[1], submit()];
    expect(pace.steps * cost).toBeLessThan(60);
  }
  expect(pace.steps * cost).toBeGreaterThan(35);
});
