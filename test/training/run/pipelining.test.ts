/* Pipelined training: the next steps are submitted before the losses of earlier ones are read. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReferenceRuntime } from '../../../src/backends/reference.js';
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
} from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import { yieldToEventLoop } from '../../../src/platform/event-loop.js';
import { describeWithGpu } from '../../webgpu.js';
import { blobs, createTrainer, expectSameState, plane } from '../fixtures.js';
import { LateRuntime } from './late-runtime.js';

// 101 steps per epoch, the last with 2 examples.
const train = blobs({ size: 402 });
const options = { batchSize: 4 };

function late() {
  const runtime = new LateRuntime();
  return { log: runtime.log, trainer: createTrainer(new Backend(runtime), options) };
}

/** A trainer on a runtime whose requests are done when their promise resolves. */
function prompt() {
  return createTrainer(new Backend(new ReferenceRuntime('float32')), options);
}

/** Expects a checkpoint's weights to be those of a run that stopped at its position. */
async function expectConsistent({ metadata, tensors }: Checkpoint): Promise<void> {
  const { step, data, ...position } = JSON.parse(metadata.handgrad);
  const trainer = prompt();
  if (step > 0) await trainer.fit(train, { epochs: 3, onStep: (report) => report.step < step });
  const want = await trainer.checkpoint();
  // Before its first run, a trainer knows no data.
  const wanted = { data, ...JSON.parse(want.metadata.handgrad) };
  expect({ step, data, ...position }).toEqual(wanted);
  expect(tensors).toEqual(want.tensors);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('fit on a runtime that runs ahead', () => {
  it('submits the next steps before it has read the losses of earlier ones', async () => {
    const { log, trainer } = late();
    await trainer.fit(train, { epochs: 1 });
    // The four weights are read for a snapshot at the start, requested before the first steps, and to
    // check that they are finite at the end.
    const [start, end] = [log.slice(2, 6), log.slice(-4)];
    const runs = [...log.slice(0, 2), ...log.slice(6, -4)];
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

  it('computes the same weights, bit for bit, and reports the same', async () => {
    const results = [];
    for (const trainer of [late().trainer, prompt()]) {
      const reports: Progress[] = [];
      const history = await trainer.fit(train, {
        epochs: 3,
        validation: blobs({ size: 30, seed: 1 }),
        onProgress: (progress) => reports.push(progress),
      });
      const steps = reports.map(({ epoch, stepInEpoch }) => 101 * (epoch - 1) + stepInEpoch);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(history.examples).toBe(3 * 402);
      const seconds = history.epochs.reduce((sum, record) => sum + record.seconds, 0);
      expect(history.trainSeconds).toBeCloseTo(seconds, 9);
      const records = history.epochs.map((record) => ({ ...record, seconds: 0 }));
      results.push({ records, checkpoint: await trainer.checkpoint() });
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('evaluates the same in pipelined chunks', async () => {
    // 32 full batches, and one smaller batch.
    const test = blobs({ size: 2 * 16 * 256 + 7 });
    const { log, trainer } = late();
    expect(await trainer.evaluate(test)).toEqual(await prompt().evaluate(test));
    // The losses of each chunk are read after the next one has been submitted, then the counts.
    expect(log.slice(0, 3)).toEqual([1, 1, 'read']);
    expect(log.slice(-3)).toEqual(['read', 'read', 'read']);
    expect(stepsIn(log)).toBe(33);
  });

  it('waits for onStep after every update', async () => {
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

  it('waits at the end of an epoch, where onEpoch may replace the weights', async () => {
    const other = createTrainer(new Backend(new ReferenceRuntime('float32')), { seed: 1 });
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

  it('counts submitted steps when the signal is aborted, and submits no more', async () => {
    const { log, trainer } = late();
    const controller = new AbortController();
    let submitted = 0;
    const { examples, stoppedBy } = await trainer.fit(train, {
      epochs: 3,
      signal: controller.signal,
      onProgress: () => {
        if (!controller.signal.aborted) submitted = stepsIn(log);
        controller.abort();
      },
    });
    expect(stoppedBy).toBe('signal');
    expect(stepsIn(log)).toBe(submitted);
    expect(examples).toBe(4 * submitted);
    await expectConsistent(await trainer.checkpoint());
  });

  it('records the epoch whose last steps were submitted when the signal is aborted', async () => {
    const { log, trainer } = late();
    // Aborted as soon as the last steps of the first epoch have been submitted.
    const signal = {
      get aborted() {
        return stepsIn(log) >= 101;
      },
      addEventListener() {},
      removeEventListener() {},
    };
    const { epochs, stoppedBy } = await trainer.fit(train, { epochs: 3, signal: signal as never });
    expect(stoppedBy).toBe('signal');
    expect(epochs).toHaveLength(1);
  });

  it('counts submitted steps when a callback throws', async () => {
    const { trainer } = late();
    const failure = new RangeError('from the callback');
    const onProgress = ({ stepInEpoch }: Progress) => {
      if (stepInEpoch > 5) throw failure;
    };
    await expect(trainer.fit(train, { epochs: 3, onProgress })).rejects.toBe(failure);
    await expectConsistent(await trainer.checkpoint());
  });

  it('returns checkpoints whose weights and position belong to the same step', async () => {
    const { trainer } = late();
    const requested: Promise<Checkpoint>[] = [];
    let isOver = false;
    const fitting = trainer
      .fit(train, { epochs: 1, onProgress: () => requested.push(trainer.checkpoint()) })
      .finally(() => {
        isOver = true;
      });
    for (let turns = 0; !isOver; turns++) {
      const checkpoint = trainer.checkpoint();
      requested.push(checkpoint);
      await checkpoint;
      // Wait for more and more turns, so that requests fall anywhere between submission and
      // completion.
      for (let turn = 0; turn < turns % 7; turn++) await yieldToEventLoop();
    }
    await fitting;
    const checkpoints = await Promise.all(requested);
    const byStep = new Map(checkpoints.map((each) => [each.metadata.handgrad, each]));
    expect(byStep.size).toBeGreaterThan(3);
    for (const checkpoint of checkpoints) {
      expect(checkpoint).toEqual(byStep.get(checkpoint.metadata.handgrad));
    }
    for (const checkpoint of byStep.values()) await expectConsistent(checkpoint);
  });

  it.each([
    ['at the start only', () => {}],
    // With this clock, every chunk takes an hour.
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
  ])('restores the weights of the last finite loss, with snapshots %s', async (_, setClock) => {
    const points = plane({ size: 200 });
    const diverging = (backend: Backend) =>
      createTrainer(backend, {
        ...options,
        model: sequential(linear(2, 1)),
        loss: squaredError(),
        optimizer: sgd({ learningRate: 2 }),
      });
    const stopped = diverging(new Backend(new ReferenceRuntime('float32')));
    const trainer = diverging(new Backend(new LateRuntime()));
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
  it('computes the same weights, bit for bit, pipelined and step by step', async () => {
    await using backend = await createBackend('webgpu');
    const states = [];
    for (const callbacks of [{}, { onStep: () => {} }]) {
      // Dropout masks differ from step to step.
      const model = sequential(linear(4, 8), relu(), dropout(0.5), linear(8, 3));
      const trainer = createTrainer(backend, { ...options, model });
      await trainer.fit(blobs({ size: 202 }), { epochs: 2, ...callbacks });
      states.push(await trainer.state());
    }
    expectSameState(states[0], states[1]);
  });
});

/** Number of steps that were submitted to a runtime. */
function stepsIn(log: LateRuntime['log']): number {
  return log.reduce<number>((sum, event) => (event === 'read' ? sum : sum + event), 0);
}
