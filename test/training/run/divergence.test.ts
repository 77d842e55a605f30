import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Backend,
  createBackend,
  type FitOptions,
  linear,
  sequential,
  sgd,
  squaredError,
  type Trainer,
  TrainingError,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { expectSameBits } from '../../values.js';
import { createTrainer, expectSameState, plane } from '../fixtures.js';

const wasm = await createBackend('wasm');
// 4 steps per epoch, the last with 14 examples.
const train = plane({ size: 62 });

/** A trainer whose weights grow with every update, until their squares overflow float32. */
function divergingTrainer(backend: Backend, learningRate: number): Trainer {
  return createTrainer(backend, {
    model: sequential(linear(2, 1)),
    loss: squaredError(),
    optimizer: sgd({ learningRate, momentum: 0.5 }),
  });
}

/** Trains until the loss is not finite. */
async function diverge(trainer: Trainer, options: Partial<FitOptions> = {}) {
  const error = await trainer.fit(train, { epochs: 1000, ...options }).then(
    () => expect.fail('fit was expected to fail'),
    (error: TrainingError) => error,
  );
  expect(error).toBeInstanceOf(TrainingError);
  const [, got, step, epoch, rate] =
    /^fit: expected a finite loss, got (\S+) at step (\d+) \(epoch (\d+), learning rate ([\d.e+]+)\); lower the learning rate or limit the gradients with clipNorm; the last good weights are kept$/.exec(
      error.message,
    ) ?? expect.fail(error.message);
  return { got: Number(got), step: Number(step), epoch: Number(epoch), rate: Number(rate) };
}

/** A trainer whose run was stopped after `updates` updates. */
async function stoppedAfter(backend: Backend, learningRate: number, updates: number) {
  const trainer = divergingTrainer(backend, learningRate);
  if (updates === 0) return trainer;
  await trainer.fit(train, { epochs: 1000, onStep: ({ step }) => step < updates });
  return trainer;
}

/** Expects equal weights, optimizer state and positions. */
async function expectStoppedAt(trainer: Trainer, other: Trainer): Promise<void> {
  expectSameState(await trainer.state(), await other.state());
  const [got, want] = [await trainer.checkpoint(), await other.checkpoint()];
  for (const [name, { data }] of want.tensors) {
    expectSameBits(name, got.tensors.get(name)?.data ?? [], data);
  }
  expect(got.metadata).toEqual(want.metadata);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describeOnEachBackend('fit with a loss that stops being finite', (backend) => {
  it.each([
    ['in the first epoch', 1e12, [1]],
    ['in the second epoch', 1e4, [2]],
    ['in a later epoch', 3, [6, 7, 8, 9, 10]],
  ])('%s keeps the last weights whose loss was finite', async (_when, learningRate, epochs) => {
    const trainer = divergingTrainer(backend, learningRate);
    const { step, epoch, rate } = await diverge(trainer);
    expect(epoch).toBe(Math.ceil(step / 4));
    expect(epochs).toContain(epoch);
    expect(rate).toBe(learningRate);
    await expectStoppedAt(trainer, await stoppedAfter(backend, learningRate, step - 2));
    expect(Number.isFinite((await trainer.evaluate(train)).loss)).toBe(true);
  });
});

/** A trainer whose schedule reads a variable, and a function that sets the variable. */
function adjustableTrainer(backend: Backend) {
  let rate = 0.01;
  const at = vi.fn(() => rate);
  const learningRate = { description: { name: 'adjustable', options: {} }, at };
  const trainer = createTrainer(backend, {
    model: sequential(linear(2, 1)),
    loss: squaredError(),
    optimizer: sgd({ learningRate, momentum: 0.5 }),
  });
  const setRate = (value: number) => {
    rate = value;
  };
  return { trainer, setRate, at };
}

describeOnEachBackend(
  'fit with a learning rate that a callback raises until the loss is not finite',
  (backend) => {
    it.each([
      [
        'onStep',
        (setRate: (rate: number) => void): Partial<FitOptions> => ({
          onStep: ({ step }) => setRate(0.01 * 2 ** step),
        }),
      ],
      [
        'onEpoch',
        (setRate: (rate: number) => void): Partial<FitOptions> => ({
          onEpoch: ({ epoch }) => setRate(0.01 * 10 ** epoch),
        }),
      ],
    ])('keeps the last good weights: %s', async (_name, callbacks) => {
      const { trainer, setRate, at } = adjustableTrainer(backend);
      const { step } = await diverge(trainer, callbacks(setRate));
      const used = at.mock.results.map(({ value }) => value);
      expect(used.length).toBeGreaterThan(10);

      const other = adjustableTrainer(backend);
      other.setRate(used[0]);
      await other.trainer.fit(train, {
        epochs: 1000,
        onStep: (report) => {
          other.setRate(used[report.step]);
          return report.step < step - 2;
        },
      });
      await expectStoppedAt(trainer, other.trainer);
      expect(Number.isFinite((await trainer.evaluate(train)).loss)).toBe(true);
    });
  },
);

describe('fit with a loss that stops being finite', () => {
  it('calls the schedule once for each step, although it repeats steps', async () => {
    const { trainer, setRate, at } = adjustableTrainer(wasm);
    // The clock stands still, so there is only the snapshot at the start of the run.
    vi.spyOn(performance, 'now').mockReturnValue(0);
    const { step } = await diverge(trainer, {
      onStep: (report) => setRate(0.01 * 2 ** report.step),
    });
    expect(at).toHaveBeenCalledTimes(step);
  });

  it('stops at the same step with the same weights when every step is a separate call', async () => {
    const [chunked, single] = [divergingTrainer(wasm, 10), divergingTrainer(wasm, 10)];
    const losses: number[] = [];
    const a = await diverge(chunked);
    const b = await diverge(single, { onStep: ({ loss }) => losses.push(loss) });
    expect([b.step, b.got]).toEqual([a.step, a.got]);
    // The failed step is not reported.
    expect(losses).toHaveLength(a.step - 1);
    expect(losses.every(Number.isFinite)).toBe(true);
    await expectStoppedAt(single, chunked);
  });

  it('restores weights before the fatal update although a snapshot was taken after it', async () => {
    const learningRate = 10;
    // With this clock, every chunk takes an hour, so there is a snapshot before each.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 3.6e6;
      return now;
    });
    const trainer = divergingTrainer(wasm, learningRate);
    const { step } = await diverge(trainer);
    await expectStoppedAt(trainer, await stoppedAfter(wasm, learningRate, step - 2));
  });

  it('restores the initial weights when the first loss is infinite', async () => {
    const trainer = divergingTrainer(wasm, 0.1);
    const state = await trainer.state();
    state.set('0.bias', { shape: [1], data: Float32Array.of(1e30) });
    await trainer.loadState(state);
    const { step, got } = await diverge(trainer);
    expect([step, got]).toEqual([1, Infinity]);
    expectSameState(await trainer.state(), state);
  });

  it('counts steps from the start of its own run', async () => {
    const firstRunsStep = async () => (await diverge(divergingTrainer(wasm, 1e4))).step;
    const trainer = divergingTrainer(wasm, 1e4);
    await trainer.fit(train, { epochs: 1 });
    const { step, epoch } = await diverge(trainer);
    expect([step, epoch]).toEqual([(await firstRunsStep()) - 4, 1]);
  });

  it('yields to the event loop while it repeats steps', async () => {
    const learningRate = 3;
    const trainer = divergingTrainer(wasm, learningRate);
    let turns = 0;
    let timer = setImmediate(function count() {
      turns++;
      timer = setImmediate(count);
    });
    // The clock stands still, so there is only the snapshot at the start of the run.
    vi.spyOn(performance, 'now').mockReturnValue(0);
    const { step } = await diverge(trainer, { onStep: () => {} });
    clearImmediate(timer);
    // Every step runs twice: until the loss is infinite, and to restore the last good weights.
    expect(turns).toBeGreaterThan(1.8 * step);
  });

  it('rejects when the last update makes a weight infinite, although no later loss shows it', async () => {
    const trainer = divergingTrainer(wasm, 3e38);
    const before = await trainer.checkpoint();
    const lastUpdate = trainer.fit(train, { epochs: 1, onStep: () => false });
    await expect(lastUpdate).rejects.toThrow(
      /^fit: expected finite weights, got -?Infinity in 0\.weight after step 1 \(epoch 1, learning rate 3e\+38\); lower the learning rate or .*; the last good weights are kept$/,
    );
    await expect(lastUpdate).rejects.toBeInstanceOf(TrainingError);
    const { tensors, metadata } = await trainer.checkpoint();
    expect(tensors).toEqual(before.tensors);
    const { data, ...position } = JSON.parse(metadata.handgrad);
    expect(data).toMatch(/^62 × 2, hash /);
    expect(position).toEqual(JSON.parse(before.metadata.handgrad));
  });

  it('restores the weights before the last update when that update makes a weight infinite', async () => {
    const create = () =>
      createTrainer(wasm, {
        model: sequential(linear(2, 1)),
        loss: squaredError(),
        optimizer: sgd({
          learningRate: {
            description: { name: 'leap', options: {} },
            at: (t) => (t === 7 ? 3e38 : 0.1),
          },
        }),
      });
    const [trainer, stopped] = [create(), create()];
    await expect(trainer.fit(train, { epochs: 2 })).rejects.toThrow(
      /^fit: expected finite weights, got \S+ in 0\.weight after step 8 \(epoch 2, learning rate 3e\+38\)/,
    );
    await stopped.fit(train, { epochs: 2, onStep: ({ step }) => step < 7 });
    await expectStoppedAt(trainer, stopped);
  });
});
