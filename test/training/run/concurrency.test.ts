import { describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  createBackend,
  type State,
  sgd,
  TrainingError,
} from '../../../src/index.js';
import { yieldToEventLoop } from '../../../src/platform/event-loop.js';
import { describeOnEachBackend } from '../../backends.js';
import { blobs, createTrainer, expectSameState } from '../fixtures.js';

const backend = await createBackend('wasm');
// 4 steps per epoch.
const train = blobs({ size: 50 });

/** The state after a run without concurrent requests. */
async function undisturbed(epochs: number): Promise<State> {
  const trainer = createTrainer(backend);
  await trainer.fit(train, { epochs });
  return trainer.state();
}

/** The state after the second epoch of a run that started that epoch with these weights. */
async function secondEpochFrom(weights: State): Promise<State> {
  const trainer = createTrainer(backend);
  await trainer.fit(train, { epochs: 1 });
  await trainer.loadState(weights);
  await trainer.fit(train, { epochs: 1 });
  return trainer.state();
}

/** Repeats a task while a run is in progress; returns the number of repetitions. */
async function whileRunning(
  run: Promise<unknown>,
  task: (time: number) => Promise<unknown>,
): Promise<number> {
  let [isOver, times] = [false, 0];
  const over = run.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await task(times++);
    await yieldToEventLoop();
  }
  await over;
  return times;
}

describeOnEachBackend('while fit runs', (backend) => {
  it('predict, evaluate, gradients and state return results and do not change the run', async () => {
    const [busy, plain] = [createTrainer(backend), createTrainer(backend)];
    const test = blobs({ size: 20, seed: 1 });
    const fitting = busy.fit(train, { epochs: 10 });
    const times = await whileRunning(fitting, async () => {
      const [probabilities, { loss, gradients }, evaluation, state] = await Promise.all([
        busy.predict(test.inputs),
        busy.gradients(test.inputs, test.targets),
        busy.evaluate(test, { confusion: true }),
        busy.state(),
      ]);
      expect(probabilities).toHaveLength(60);
      expect(probabilities[0] + probabilities[1] + probabilities[2]).toBeCloseTo(1, 5);
      expect(evaluation.confusion.reduce((sum, count) => sum + count)).toBe(20);
      expect(loss).toBeLessThan(3);
      expect([...gradients.keys()]).toEqual([...state.keys()]);
    });
    expect(times).toBeGreaterThan(2);
    await plain.fit(train, { epochs: 10 });
    expectSameState(await busy.state(), await plain.state());
  });
});

describe('while fit runs', () => {
  it('evaluating more datasets than the backend keeps does not change the run', async () => {
    const trainer = createTrainer(backend);
    const others = Array.from({ length: 6 }, (_, seed) => blobs({ size: 30, seed }));
    await trainer.fit(train, {
      epochs: 2,
      onStep: async () => {
        for (const dataset of others) await trainer.evaluate(dataset);
      },
    });
    expectSameState(await trainer.state(), await undisturbed(2));
  });

  it('using more batch sizes than stay compiled does not change the run', async () => {
    const trainer = createTrainer(backend);
    const { inputs, targets } = blobs({ size: 40 });
    const loss = async (size: number) =>
      (await trainer.gradients(inputs.subarray(0, 4 * size), targets.subarray(0, size))).loss;
    await trainer.fit(train, {
      epochs: 2,
      onStep: async ({ step }) => {
        if (step !== 2) return;
        const once = [];
        for (let size = 1; size <= 40; size++) once.push(await loss(size));
        for (let size = 1; size <= 40; size++) expect(await loss(size)).toBe(once[size - 1]);
      },
    });
    expectSameState(await trainer.state(), await undisturbed(2));
  });

  it('a checkpoint has weights and position of the same step', async () => {
    const plain = createTrainer(backend);
    const states = [await plain.state()];
    await plain.fit(train, { epochs: 50, onStep: async () => states.push(await plain.state()) });

    const trainer = createTrainer(backend);
    const checkpoints: Checkpoint[] = [];
    const fitting = trainer.fit(train, { epochs: 50, onProgress: () => {} });
    await whileRunning(fitting, async (time) => {
      // Wait for more and more microtasks, so that requests fall between any two of the run's.
      for (let turn = 0; turn < time; turn++) await undefined;
      checkpoints.push(await trainer.checkpoint());
    });
    expect(checkpoints.length).toBeGreaterThan(30);
    for (const checkpoint of checkpoints) {
      const copy = createTrainer(backend);
      await copy.restore(checkpoint);
      const { step } = JSON.parse(checkpoint.metadata.handgrad);
      expectSameState(await copy.state(), states[step]);
    }
  });

  it('restore is rejected, because it would move the run', async () => {
    const trainer = createTrainer(backend);
    const checkpoint = await trainer.checkpoint();
    const fitting = trainer.fit(train, { epochs: 5 });
    await expect(trainer.restore(checkpoint)).rejects.toThrow(
      new TrainingError('restore: expected no run in progress, got one; wait for fit to end'),
    );
    await fitting;
    expectSameState(await trainer.state(), await undisturbed(5));
    await trainer.restore(checkpoint);
  });

  it('the next step starts from weights that a callback loads', async () => {
    const [trainer, other] = [createTrainer(backend), createTrainer(backend, { seed: 1 })];
    const weights = await other.state();
    await trainer.fit(train, {
      epochs: 2,
      onEpoch: async ({ epoch }) => {
        if (epoch === 2) expectSameState(await trainer.state(), await secondEpochFrom(weights));
        else await trainer.loadState(weights);
      },
    });
  });

  it('weights can be replaced while a callback is awaited, and not after it', async () => {
    const trainer = createTrainer(backend);
    const weights = await trainer.state();
    let awaited = 0;
    const fitting = trainer.fit(train, {
      epochs: 20,
      onEpoch: async () => {
        await trainer.loadState(weights);
        awaited++;
      },
      onProgress: async () => {
        await expect(trainer.loadState(weights)).rejects.toThrow(
          'loadState: expected no run in progress, got one; wait for fit to end',
        );
      },
    });
    await fitting;
    expect(awaited).toBe(20);
  });

  it('another trainer can be created and trained on the same backend', async () => {
    const trainer = createTrainer(backend);
    await whileRunning(trainer.fit(train, { epochs: 10 }), async () => {
      const other = createTrainer(backend, { batchSize: 9, optimizer: sgd({ learningRate: 0.3 }) });
      await other.fit(blobs({ size: 40, bytes: true }), { epochs: 2 });
    });
    expectSameState(await trainer.state(), await undisturbed(10));
  });
});
