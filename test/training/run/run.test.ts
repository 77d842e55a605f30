import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createBackend,
  type EpochRecord,
  linear,
  type Progress,
  relu,
  type StepReport,
  sequential,
  sgd,
  squaredError,
  TrainingError,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { expectClose } from '../../values.js';
import { blobs, createTrainer, differs, expectSameState, plane } from '../fixtures.js';

const backend = await createBackend('wasm');
// 4 steps per epoch, the last with 2 examples.
const train = blobs({ size: 50 });

/** Makes a second pass with every look at the clock, so that every chunk of steps is reported. */
function slowDown(): void {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 1000;
    return now;
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describeOnEachBackend('history', (backend) => {
  it('returns a record per epoch with the mean loss over its examples', async () => {
    const trainer = createTrainer(backend);
    const steps: StepReport[] = [];
    const reports: EpochRecord[] = [];
    const history = await trainer.fit(train, {
      epochs: 3,
      onStep: (report) => steps.push(report),
      onEpoch: (record) => reports.push(record),
    });
    expect(history.epochs).toEqual(reports);
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(steps.map(({ step, epoch }) => [step, epoch])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i + 1, Math.floor(i / 4) + 1]),
    );
    history.epochs.forEach(({ trainLoss, learningRate, seconds }, e) => {
      const losses = steps.slice(4 * e, 4 * e + 4).map(({ loss }) => loss);
      const sum = 16 * (losses[0] + losses[1] + losses[2]) + 2 * losses[3];
      expectClose(`mean loss of epoch ${e + 1}`, [trainLoss], [sum / 50], { relative: 1e-12 });
      expect(learningRate).toBe(0.1);
      expect(seconds).toBeGreaterThan(0);
    });
    expect(history.examples).toBe(150);
    const seconds = history.epochs.reduce((sum, record) => sum + record.seconds, 0);
    expectClose('trainSeconds', [history.trainSeconds], [seconds], { relative: 1e-9 });
    expect(history).not.toHaveProperty('stoppedBy');
    for (const record of history.epochs) expect(record).not.toHaveProperty('validLoss');
  });

  it('adds up the batch losses of a loss that is a sum', async () => {
    slowDown();
    const [model, loss] = [sequential(linear(2, 1)), squaredError({ reduction: 'sum' })];
    const optimizer = sgd({ learningRate: 0.001 });
    const losses: number[] = [];
    const reports: number[] = [];
    const { epochs } = await createTrainer(backend, { model, loss, optimizer }).fit(
      plane({ size: 50 }),
      {
        epochs: 1,
        onStep: (report) => losses.push(report.loss),
        onProgress: (progress) => reports.push(progress.loss),
      },
    );
    const sums = losses.map((_, i) => losses.slice(0, i + 1).reduce((a, b) => a + b));
    expectClose('loss so far', reports, sums, { relative: 1e-12 });
    expectClose('loss', [epochs[0].trainLoss], sums.slice(3), { relative: 1e-12 });
  });

  it('reports each batch’s loss before its update', async () => {
    const [trainer, untouched] = [createTrainer(backend), createTrainer(backend)];
    const losses: number[] = [];
    await trainer.fit(blobs({ size: 16 }), { epochs: 1, onStep: ({ loss }) => losses.push(loss) });
    const before = await untouched.evaluate(blobs({ size: 16 }));
    expectClose('loss', losses, [before.loss], { relative: 1e-6 });
  });
});

describe('fit', () => {
  it('stops after an update for which onStep returns false', async () => {
    const trainer = createTrainer(backend);
    const seen: number[] = [];
    const history = await trainer.fit(train, {
      epochs: 3,
      onStep: ({ step }) => {
        seen.push(step);
        return step < 6;
      },
    });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(history.stoppedBy).toBe('onStep');
    expect(history.examples).toBe(50 + 32);
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1]);
  });

  it('awaits asynchronous callbacks and uses their results', async () => {
    const trainer = createTrainer(backend);
    let [running, calls] = [0, 0];
    const slowly = async (go: boolean) => {
      running++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(running).toBe(1);
      running--;
      calls++;
      return go;
    };
    const { stoppedBy } = await trainer.fit(train, {
      epochs: 3,
      onStep: ({ step }) => slowly(step < 7),
      onEpoch: () => slowly(true),
    });
    expect([stoppedBy, calls]).toEqual(['onStep', 8]);
  });

  it('stops after an epoch for which onEpoch returns false, with the weights of that epoch', async () => {
    const [trainer, whole] = [createTrainer(backend), createTrainer(backend)];
    const options = { onEpoch: ({ epoch }: EpochRecord) => epoch < 2 };
    const history = await trainer.fit(train, { epochs: 5, ...options });
    expect(history.stoppedBy).toBe('onEpoch');
    expect(history.epochs).toHaveLength(2);
    await whole.fit(train, { epochs: 2 });
    expectSameState(await trainer.state(), await whole.state());
  });

  it('records an epoch whose last step stops the run', async () => {
    const history = await createTrainer(backend).fit(train, {
      epochs: 3,
      onStep: ({ step }) => step < 4,
    });
    expect([history.stoppedBy, history.epochs.length]).toEqual(['onStep', 1]);
  });

  it('continues for any other value that a callback returns', async () => {
    const values = [undefined, null, 0, '', true];
    const history = await createTrainer(backend).fit(train, {
      epochs: 5,
      onStep: ({ step }) => values[step % 5],
      onEpoch: ({ epoch }) => values[epoch % 5],
    });
    expect(history.epochs).toHaveLength(5);
  });

  it('does nothing when its signal is already aborted', async () => {
    const trainer = createTrainer(backend);
    const before = await trainer.state();
    const history = await trainer.fit(train, { epochs: 3, signal: AbortSignal.abort() });
    expect(history).toEqual({ epochs: [], trainSeconds: 0, examples: 0, stoppedBy: 'signal' });
    expectSameState(await trainer.state(), before);
  });

  it('stops soon after its signal is aborted, and keeps the learned weights', async () => {
    const trainer = createTrainer(backend);
    const before = await trainer.state();
    const controller = new AbortController();
    let aborted = 0;
    setTimeout(() => {
      aborted = performance.now();
      controller.abort();
    }, 100);
    const { signal } = controller;
    const history = await trainer.fit(train, { epochs: 1e9, signal, onProgress: limitTime() });
    expect(performance.now() - aborted).toBeLessThan(2000);
    expect(history.stoppedBy).toBe('signal');
    expect(history.examples).toBeGreaterThan(0);
    expect(differs(await trainer.state(), before)).toBe(true);
  });

  it('stops between two steps when a callback aborts the signal', async () => {
    const controller = new AbortController();
    const history = await createTrainer(backend).fit(train, {
      epochs: 3,
      signal: controller.signal,
      onStep: ({ step }) => {
        if (step === 2) controller.abort();
      },
    });
    expect([history.stoppedBy, history.examples]).toEqual(['signal', 32]);
  });

  it('reports progress at least ten times a second and lets timers run', async () => {
    // An epoch takes at least a second, so that chunks do not end with it.
    const train = blobs({ size: 20_000 });
    const model = sequential(linear(4, 512), relu(), linear(512, 512), relu(), linear(512, 3));
    const trainer = createTrainer(backend, { model, batchSize: 20 });
    const reports: [time: number, progress: Progress][] = [];
    const ticks: number[] = [];
    const controller = new AbortController();
    const timer = setInterval(() => ticks.push(performance.now()), 5);
    setTimeout(() => controller.abort(), 1500);
    const withinTime = limitTime();
    const began = performance.now();
    await trainer.fit(train, {
      epochs: 1e6,
      signal: controller.signal,
      onProgress: (progress) => {
        reports.push([performance.now(), progress]);
        withinTime();
      },
    });
    clearInterval(timer);
    expectOften('reports', [began, ...reports.map(([time]) => time)]);
    expectOften('ticks', [began, ...ticks]);
    const [, last] = reports[reports.length - 1];
    expect(last).toMatchObject({ epochs: 1e6, stepsPerEpoch: 1000, learningRate: 0.1 });
  });

  it('reports the position and the mean loss of the epoch so far as progress', async () => {
    slowDown();
    const losses: number[] = [];
    const reports: Progress[] = [];
    await createTrainer(backend).fit(train, {
      epochs: 2,
      onStep: ({ loss }) => losses.push(loss),
      onProgress: (progress) => reports.push(progress),
    });
    expect(reports.map(({ epoch, stepInEpoch }) => [epoch, stepInEpoch])).toEqual(
      [1, 2].flatMap((epoch) => [1, 2, 3, 4].map((step) => [epoch, step])),
    );
    const [, , third, , fifth] = reports;
    const mean = (losses[0] + losses[1] + losses[2]) / 3;
    expectClose('loss after three steps', [third.loss], [mean], { relative: 1e-12 });
    expectClose('loss of the next epoch', [fifth.loss], [losses[4]], { relative: 1e-12 });
  });

  it.each(['onStep', 'onEpoch', 'onProgress'] as const)(
    'rejects with an error that %s throws, and can run again',
    async (callback) => {
      const trainer = createTrainer(backend);
      const failing = () => {
        throw new RangeError('from the callback');
      };
      await expect(trainer.fit(train, { epochs: 2, [callback]: failing })).rejects.toThrow(
        new RangeError('from the callback'),
      );
      expect((await trainer.fit(train, { epochs: 1 })).epochs).toHaveLength(1);
    },
  );

  it('rejects a second run while one is in progress, which is not affected', async () => {
    const [trainer, alone] = [createTrainer(backend), createTrainer(backend)];
    const running = trainer.fit(train, { epochs: 2 });
    await expect(trainer.fit(train, { epochs: 1 })).rejects.toThrow(
      new TrainingError('fit: expected one run at a time, got a second'),
    );
    await running;
    await alone.fit(train, { epochs: 2 });
    expectSameState(await trainer.state(), await alone.state());
  });

  it('continues from the weights of the previous run with new shuffles', async () => {
    const [once, twice] = [createTrainer(backend), createTrainer(backend)];
    await once.fit(train, { epochs: 3 });
    await twice.fit(train, { epochs: 1 });
    await twice.fit(train, { epochs: 2 });
    expectSameState(await twice.state(), await once.state());
  });

  it('does not repeat the shuffle of an interrupted epoch', async () => {
    const order = async (first: boolean) => {
      const trainer = createTrainer(backend, { optimizer: sgd({ learningRate: 1e-30 }) });
      const losses: number[] = [];
      const onStep = ({ loss }: StepReport) => losses.push(loss) < 2;
      if (!first) await trainer.fit(train, { epochs: 2, onStep: () => false });
      await trainer.fit(train, { epochs: 2, onStep });
      return losses;
    };
    // This rate is too small to change the weights, so equal losses mean equal batches.
    expect(await order(false)).not.toEqual(await order(true));
  });

  it.each([0, -1, 1.5, NaN, undefined])('rejects %s epochs', async (epochs) => {
    const fitting = createTrainer(backend).fit(train, { epochs: epochs as number });
    await expect(fitting).rejects.toThrow(
      `fit: expected epochs to be an integer of at least 1, got ${epochs}`,
    );
  });

  it('awaits onProgress, and rejects with the error of its promise', async () => {
    const failure = new RangeError('from the callback');
    let running = 0;
    let most = 0;
    await createTrainer(backend).fit(train, {
      epochs: 3,
      onProgress: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
      },
    });
    expect([running, most]).toEqual([0, 1]);
    const trainer = createTrainer(backend);
    const onProgress = async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      throw failure;
    };
    await expect(trainer.fit(train, { epochs: 3, onProgress })).rejects.toBe(failure);
    await trainer.fit(train, { epochs: 1 });
  });

  it('rejects when the backend is closed during the run', async () => {
    const own = await createBackend('wasm');
    const trainer = createTrainer(own);
    const running = trainer.fit(train, { epochs: 1e9, onProgress: limitTime() });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const rejected = expect(running).rejects.toThrow('wasm: the backend is closed');
    await own.close();
    await rejected;
  });
});

/**
 * A callback that ends a run after half a minute. Timers do not run if `fit` does not yield, so they
 * could not end the test.
 */
function limitTime(): () => void {
  const deadline = performance.now() + 30_000;
  return () => {
    if (performance.now() > deadline) throw new Error('expected fit to let timers run');
  };
}

/** Ten times a second, except while other programs use the processor. */
function expectOften(what: string, times: readonly number[]): void {
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  expect(gaps.length, what).toBeGreaterThan(4);
  const median = gaps.toSorted((a, b) => a - b)[gaps.length >> 1];
  expect(median, `milliseconds between two ${what}`).toBeLessThan(100);
}
