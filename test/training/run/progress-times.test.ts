/* When `onProgress` is called, in simulated time. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { linear, sequential, squaredError } from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import { createTrainer, plane } from '../fixtures.js';
import { PolledRuntime } from './polled-runtime.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Run {
  readonly steps: number;
  readonly epochs: number;
  /** Milliseconds of a step. */
  readonly cost: number;
  readonly isStepwise?: boolean;
}

/** The times of the reports in milliseconds, and the updates after which they came. */
async function reportsOf({ steps, epochs, cost, isStepwise = false }: Run) {
  const [model, loss] = [sequential(linear(2, 1)), squaredError()];
  const backend = new Backend(new PolledRuntime(cost, 0));
  const trainer = createTrainer(backend, { model, loss, batchSize: 1 });
  const times: number[] = [];
  const updates: number[] = [];
  let isDone = false;
  const fitting = trainer.fit(plane({ size: steps }), {
    epochs,
    onProgress: ({ epoch, stepInEpoch }) => {
      times.push(performance.now());
      updates.push((epoch - 1) * steps + stepInEpoch);
    },
    ...(isStepwise && { onStep: () => {} }),
  });
  const ended = fitting.finally(() => {
    isDone = true;
  });
  while (!isDone) await vi.advanceTimersByTimeAsync(0.1);
  await ended;
  return { times, updates };
}

/** Milliseconds between reports, without that before the last one, which never waits. */
const gapsOf = (times: readonly number[]) => times.slice(1, -1).map((time, i) => time - times[i]);

const RUNS: readonly (Run & { readonly name: string })[] = [
  { name: 'short steps, a long epoch', steps: 5000, epochs: 1, cost: 0.8 },
  { name: 'epochs of 16 ms', steps: 20, epochs: 200, cost: 0.8 },
  { name: 'epochs of 60 ms', steps: 75, epochs: 50, cost: 0.8 },
  { name: 'epochs of 128 ms', steps: 160, epochs: 25, cost: 0.8 },
  { name: 'epochs of 300 ms', steps: 375, epochs: 10, cost: 0.8 },
  { name: 'steps of 30 ms', steps: 120, epochs: 1, cost: 30 },
  { name: 'steps of 45 ms', steps: 80, epochs: 1, cost: 45 },
  { name: 'onStep', steps: 2000, epochs: 2, cost: 0.8, isStepwise: true },
];

describe.each(RUNS)('onProgress with $name', (run) => {
  it('is called at most 20 times per second, evenly', async () => {
    const { times } = await reportsOf(run);
    const gaps = gapsOf(times);
    expect(gaps.length).toBeGreaterThan(20);
    // The last report of the run and one at either end of the second are beyond 20 intervals.
    for (const time of times) {
      const inSecond = times.filter((each) => each >= time && each < time + 1000);
      expect(inSecond.length).toBeLessThanOrEqual(21);
    }
    const seconds = (times[times.length - 1] - times[0]) / 1000;
    expect((times.length - 2) / seconds).toBeLessThanOrEqual(20);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(110);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(35);
  });

  it('is called after the first updates and the last', async () => {
    const { updates } = await reportsOf(run);
    expect(updates[0]).toBe(1);
    expect(updates[updates.length - 1]).toBe(run.steps * run.epochs);
  });
});

it.each([128, 160, 250, 300])(
  'the end of each epoch of %i ms is reported',
  async (milliseconds) => {
    const steps = Math.floor(milliseconds / 0.8);
    const { updates } = await reportsOf({ steps, epochs: 6, cost: 0.8 });
    const ends = [1, 2, 3, 4, 5, 6].map((epoch) => epoch * steps);
    expect(updates).toEqual(expect.arrayContaining(ends));
  },
);
