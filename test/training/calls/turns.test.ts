/* The event loop runs during long evaluations and predictions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReferenceRuntime } from '../../../src/backends/reference.js';
import type { Executable } from '../../../src/backends/runtime.js';
import { createBackend, linear, relu, sequential } from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import type { Step } from '../../../src/step.js';
import { blobs, CLASSES, createTrainer, FEATURES } from '../fixtures.js';

/** No turn of the event loop may take longer, unless a single batch does. */
const LONGEST_MILLISECONDS = 60;

afterEach(() => {
  vi.restoreAllMocks();
});

/** The reference, on which every step takes a given time of a clock that only it advances. */
class TimedRuntime extends ReferenceRuntime {
  readonly #milliseconds: () => number;
  now = 0;

  constructor(milliseconds: () => number) {
    super('float32');
    this.#milliseconds = milliseconds;
    vi.spyOn(performance, 'now').mockImplementation(() => this.now);
  }

  override async compile(step: Step): Promise<Executable> {
    const executable = await super.compile(step);
    return {
      ...executable,
      run: async (times) => {
        await executable.run(times);
        for (let i = 0; i < times; i++) this.now += this.#milliseconds();
      },
    };
  }
}

/** The longest time between two turns of the event loop during a task, by a clock. */
async function longestTurn(now: () => number, task: () => Promise<unknown>): Promise<number> {
  let [longest, last] = [0, now()];
  let timer = setImmediate(function turn() {
    longest = Math.max(longest, now() - last);
    last = now();
    timer = setImmediate(turn);
  });
  await task();
  clearImmediate(timer);
  return Math.max(longest, now() - last);
}

const data = blobs({ size: 256 * 100 + 7 });

describe.each(['evaluate', 'predict', 'fit with validation'] as const)('%s', (method) => {
  const run = (trainer: ReturnType<typeof createTrainer>) => {
    if (method === 'evaluate') return trainer.evaluate(data);
    if (method === 'predict') return trainer.predict(data.inputs);
    return trainer.fit(blobs(), { epochs: 1, validation: data });
  };

  it.each([
    ['0.1 ms', () => 0.1],
    ['7 ms', () => 7],
    ['24 ms', () => 24],
    ['39 ms', () => 39],
    ['55 ms', () => 55],
    ['80 ms', () => 80],
  ])('lets the event loop run while batches take %s each', async (_name, milliseconds) => {
    const runtime = new TimedRuntime(milliseconds);
    const trainer = createTrainer(new Backend(runtime));
    const longest = await longestTurn(
      () => runtime.now,
      () => run(trainer),
    );
    expect(longest).toBeLessThanOrEqual(Math.max(LONGEST_MILLISECONDS, milliseconds()));
  });
});

describe('on wasm', () => {
  const wide = () =>
    sequential(linear(FEATURES, 256), relu(), linear(256, 256), relu(), linear(256, CLASSES));

  it.each(['evaluate', 'predict'] as const)('%s has no long turn', async (method) => {
    await using backend = await createBackend('wasm', { threads: 1 });
    const trainer = createTrainer(backend, { model: wide() });
    const many = blobs({ size: 256 * 400 });
    const task = () =>
      method === 'evaluate' ? trainer.evaluate(many) : trainer.predict(many.inputs);
    // Other programs may use the processor for a while, so the best of some attempts counts.
    let longest = Infinity;
    let total = 0;
    for (let attempt = 0; attempt < 5 && longest > LONGEST_MILLISECONDS; attempt++) {
      await sleep(20);
      const began = performance.now();
      longest = await longestTurn(() => performance.now(), task);
      total = performance.now() - began;
    }
    expect(total, 'milliseconds in all').toBeGreaterThan(2 * LONGEST_MILLISECONDS);
    expect(longest).toBeLessThanOrEqual(LONGEST_MILLISECONDS);
  });

  it('the loss does not depend on the size of the chunks', async () => {
    const losses = [];
    for (const milliseconds of [0.1, 3, 30]) {
      const trainer = createTrainer(new Backend(new TimedRuntime(() => milliseconds)));
      losses.push(await trainer.evaluate(data));
      vi.restoreAllMocks();
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
  });
});
