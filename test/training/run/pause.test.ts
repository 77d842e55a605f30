import { describe, expect, it } from 'vitest';
import { TrainingError } from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import { describeOnEachBackend } from '../../backends.js';
import { blobs, createTrainer, expectSameState } from '../fixtures.js';
import { LateRuntime } from './late-runtime.js';

const train = blobs({ size: 402 });
const turns = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describeOnEachBackend('pause', (backend) => {
  it('holds the run between updates until resume, and changes no bit', async () => {
    const [trainer, plain] = [createTrainer(backend), createTrainer(backend)];
    const seen: number[] = [];
    const fitting = trainer.fit(train, {
      epochs: 4,
      onEpoch: ({ epoch }) => {
        seen.push(epoch);
        if (epoch === 2) trainer.pause();
      },
    });
    while (seen.length < 2) await turns(5);
    await turns(60);
    expect(seen).toEqual([1, 2]);
    await plain.fit(train, { epochs: 4, onEpoch: ({ epoch }) => epoch < 2 });
    expectSameState(await trainer.state(), await plain.state());
    const { loss } = await trainer.evaluate(train);
    expect(loss).toBe((await plain.evaluate(train)).loss);
    trainer.resume();
    expect((await fitting).epochs).toHaveLength(4);
    expect(seen).toEqual([1, 2, 3, 4]);
    const undisturbed = createTrainer(backend);
    await undisturbed.fit(train, { epochs: 4 });
    expectSameState(await trainer.state(), await undisturbed.state());
  });

  it('lets the weights be replaced, from which the run goes on', async () => {
    const [trainer, other] = [createTrainer(backend), createTrainer(backend, { seed: 3 })];
    const weights = await other.state();
    const fitting = trainer.fit(train, {
      epochs: 2,
      onEpoch: ({ epoch }) => {
        if (epoch === 1) trainer.pause();
      },
    });
    for (;;) {
      const replaced = await trainer.loadState(weights).then(
        () => true,
        () => false,
      );
      if (replaced) break;
      await turns(1);
    }
    expectSameState(await trainer.state(), weights);
    trainer.resume();
    await fitting;
    const rest = createTrainer(backend);
    await rest.fit(train, { epochs: 2, onEpoch: () => rest.loadState(weights) });
    expect((await trainer.state()).size).toBe(weights.size);
  });

  it('ends when its signal is aborted', async () => {
    const trainer = createTrainer(backend);
    const controller = new AbortController();
    const fitting = trainer.fit(train, { epochs: 1e6, signal: controller.signal });
    trainer.pause();
    await turns(30);
    controller.abort();
    expect((await fitting).stoppedBy).toBe('signal');
  });
});

describe('pause', () => {
  it('submits no more steps on a runtime that runs ahead', async () => {
    const runtime = new LateRuntime();
    const trainer = createTrainer(new Backend(runtime), { batchSize: 4 });
    let isFirst = true;
    const fitting = trainer.fit(train, {
      epochs: 3,
      onProgress: () => {
        if (isFirst) trainer.pause();
        isFirst = false;
      },
    });
    await turns(100);
    const before = runtime.log.length;
    expect(before).toBeGreaterThan(5);
    await turns(50);
    expect(runtime.log).toHaveLength(before);
    trainer.resume();
    await fitting;
    expect(runtime.log.length).toBeGreaterThan(before);
  });

  it('is refused without a run, where resume does nothing', async () => {
    const trainer = createTrainer(new Backend(new LateRuntime()));
    expect(() => trainer.pause()).toThrow(
      new TrainingError('pause: expected a run in progress, got none; call fit'),
    );
    trainer.resume();
    await trainer.fit(train, { epochs: 1 });
    expect(() => trainer.pause()).toThrow(TrainingError);
  });

  it('holds a run that has just been requested', async () => {
    const trainer = createTrainer(new Backend(new LateRuntime()));
    let steps = 0;
    const fitting = trainer.fit(train, { epochs: 1, onProgress: () => steps++ });
    trainer.pause();
    await turns(50);
    expect(steps).toBe(0);
    trainer.resume();
    await fitting;
    expect(steps).toBeGreaterThan(0);
  });
});
