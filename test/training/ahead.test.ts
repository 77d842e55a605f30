/* Training on a device that is given the next steps before the losses of the last are back. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Backend } from '../../src/numerics/backend.js';
import { ReferenceDevice } from '../../src/backends/reference.js';
import { yieldToEventLoop } from '../../src/event-loop.js';
import {
  type Checkpoint,
  createBackend,
  dropout,
  linear,
  type Progress,
  relu,
  sequential,
  sgd,
  squaredError,
  TrainingError,
} from '../../src/index.js';
import { describeWithGpu } from '../webgpu.js';
import { blobs, createTrainer, expectSameState, plane } from './fixtures.js';
import { LateDevice } from './late-device.js';

// 101 steps an epoch, the last with 2 examples.
const train = blobs({ size: 402 });
const options = { batchSize: 4 };

function late() {
  const device = new LateDevice();
  return { log: device.log, trainer: createTrainer(new Backend(device), options) };
}

/** A trainer on a device that is done when it says so. */
function prompt() {
  return createTrainer(new Backend(new ReferenceDevice('float32')), options);
}

/** Trains to a checkpoint's position, and expects its weights. */
async function expectOfOneMoment({ metadata, tensors }: Checkpoint): Promise<void> {
  const { step } = JSON.parse(metadata.handgrad);
  const trainer = prompt();
  if (step > 0) await trainer.fit(train, { epochs: 3, onStep: (report) => report.step < step });
  const want = await trainer.checkpoint();
  expect(metadata).toEqual(want.metadata);
  expect(tensors).toEqual(want.tensors);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('fit on a device that runs ahead', () => {
  it('asks for the next steps before the losses of the last are back', async () => {
    const { log, trainer } = late();
    await trainer.fit(train, { epochs: 1 });
    // The state is set aside first, four tensors, and read at the end to see that it is finite.
    const [start, runs, end] = [log.slice(0, 4), log.slice(4, -4), log.slice(-4)];
    expect([...start, ...end]).toEqual(Array(8).fill('read'));
    const steps = runs.filter((event) => event !== 'read');
    expect(steps.reduce((sum, count) => sum + count)).toBe(101);
    let underWay = 0;
    const depths = runs.map((event) => {
      underWay += event === 'read' ? -1 : 1;
      return underWay;
    });
    expect(depths).toEqual([1, ...Array(steps.length - 1).fill([2, 1]), 0].flat());
  });

  it('learns the same, bit for bit, and tells the same', async () => {
    const results = [];
    for (const trainer of [late().trainer, prompt()]) {
      const told: Progress[] = [];
      const history = await trainer.fit(train, {
        epochs: 3,
        validation: blobs({ size: 30, seed: 1 }),
        onProgress: (progress) => told.push(progress),
      });
      const steps = told.map(({ epoch, stepInEpoch }) => 101 * (epoch - 1) + stepInEpoch);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(history.examples).toBe(3 * 402);
      const seconds = history.epochs.reduce((sum, record) => sum + record.seconds, 0);
      expect(history.trainSeconds).toBeCloseTo(seconds, 9);
      const records = history.epochs.map((record) => ({ ...record, seconds: 0 }));
      results.push({ records, checkpoint: await trainer.checkpoint() });
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('evaluates the same, one chunk ahead', async () => {
    // Two chunks of 16 batches, and one smaller batch.
    const test = blobs({ size: 2 * 16 * 256 + 7 });
    const { log, trainer } = late();
    expect(await trainer.evaluate(test)).toEqual(await prompt().evaluate(test));
    expect(log).toEqual([16, 16, 'read', 'read', 1, 'read', 'read', 'read', 'read']);
  });

  it('waits after every update for onStep', async () => {
    const { log, trainer } = late();
    let step = 0;
    await trainer.fit(train, {
      epochs: 1,
      onStep: () => {
        step++;
        expect(log.filter((event) => event === 1)).toHaveLength(step);
      },
    });
    expect(step).toBe(101);
  });

  it('waits at the end of an epoch, where weights may be replaced', async () => {
    const other = createTrainer(new Backend(new ReferenceDevice('float32')), { seed: 1 });
    const weights = await other.state();
    const states = [];
    for (const trainer of [late().trainer, prompt()]) {
      const onEpoch = ({ epoch }: { epoch: number }) =>
        epoch === 1 ? trainer.loadState(weights) : epoch < 2;
      const { stoppedBy } = await trainer.fit(train, { epochs: 3, onEpoch });
      expect(stoppedBy).toBe('onEpoch');
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });

  it('counts the steps under way when the signal is aborted, and asks for no more', async () => {
    const { log, trainer } = late();
    const controller = new AbortController();
    let asked = 0;
    const { examples, stoppedBy } = await trainer.fit(train, {
      epochs: 3,
      signal: controller.signal,
      onProgress: () => {
        if (!controller.signal.aborted) asked = stepsIn(log);
        controller.abort();
      },
    });
    expect(stoppedBy).toBe('signal');
    expect(stepsIn(log)).toBe(asked);
    expect(examples).toBe(4 * asked);
    await expectOfOneMoment(await trainer.checkpoint());
  });

  it('counts the steps under way when a callback throws', async () => {
    const { trainer } = late();
    const failure = new RangeError('from the callback');
    const onProgress = ({ stepInEpoch }: Progress) => {
      if (stepInEpoch > 5) throw failure;
    };
    await expect(trainer.fit(train, { epochs: 3, onProgress })).rejects.toBe(failure);
    await expectOfOneMoment(await trainer.checkpoint());
  });

  it('gives checkpoints of one moment, whenever they are asked for', async () => {
    const { trainer } = late();
    const asked: Promise<Checkpoint>[] = [];
    let isOver = false;
    const fitting = trainer
      .fit(train, { epochs: 1, onProgress: () => asked.push(trainer.checkpoint()) })
      .finally(() => {
        isOver = true;
      });
    for (let turns = 0; !isOver; turns++) {
      const checkpoint = trainer.checkpoint();
      asked.push(checkpoint);
      await checkpoint;
      // Asked for after ever more turns, it falls anywhere between asking for steps and their end.
      for (let turn = 0; turn < turns % 7; turn++) await yieldToEventLoop();
    }
    await fitting;
    const checkpoints = await Promise.all(asked);
    const byStep = new Map(checkpoints.map((each) => [each.metadata.handgrad, each]));
    expect(byStep.size).toBeGreaterThan(3);
    for (const checkpoint of checkpoints) {
      expect(checkpoint).toEqual(byStep.get(checkpoint.metadata.handgrad));
    }
    for (const checkpoint of byStep.values()) await expectOfOneMoment(checkpoint);
  });

  it.each([
    ['seldom', () => {}],
    // A clock by which every chunk takes an hour.
    [
      'before every chunk',
      () => {
        let now = 0;
        vi.spyOn(performance, 'now').mockImplementation(() => {
          now += 3.6e6;
          return now;
        });
      },
    ],
  ])('returns to the last finite loss, with the state set aside %s', async (_, setClock) => {
    const points = plane({ size: 200 });
    const diverging = (backend: Backend) =>
      createTrainer(backend, {
        ...options,
        model: sequential(linear(2, 1)),
        loss: squaredError(),
        optimizer: sgd({ learningRate: 2 }),
      });
    const stopped = diverging(new Backend(new ReferenceDevice('float32')));
    const trainer = diverging(new Backend(new LateDevice()));
    setClock();
    const error = await trainer.fit(points, { epochs: 9 }).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(TrainingError);
    const step = Number(/at step (\d+)/.exec((error as Error).message)?.[1]);
    expect(step).toBeGreaterThan(3);
    await stopped.fit(points, { epochs: 9, onStep: (report) => report.step < step - 2 });
    expect(await trainer.checkpoint()).toEqual(await stopped.checkpoint());
  });
});

describeWithGpu('fit on a GPU', () => {
  it('learns the same, bit for bit, ahead and step by step', async () => {
    await using backend = await createBackend('webgpu');
    const states = [];
    for (const callbacks of [{}, { onStep: () => {} }]) {
      // Masks differ from step to step.
      const model = sequential(linear(4, 8), relu(), dropout(0.5), linear(8, 3));
      const trainer = createTrainer(backend, { ...options, model });
      await trainer.fit(blobs({ size: 202 }), { epochs: 2, ...callbacks });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });
});

/** Steps that a device was asked for. */
function stepsIn(log: LateDevice['log']): number {
  return log.reduce<number>((sum, event) => (event === 'read' ? sum : sum + event), 0);
}
