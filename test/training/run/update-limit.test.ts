import { describe, expect, it } from 'vitest';
import { noisyLine, noisyParabola, split, syntheticDigits } from '../../../src/data/index.js';
import { ShapeError } from '../../../src/errors.js';
import {
  adam,
  createBackend,
  dropout,
  linear,
  relu,
  sequential,
  TrainingError,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { blobs, CLASSES, createTrainer, expectSameState, FEATURES } from '../fixtures.js';

const LAST = 2 ** 31 - 1;

describeOnEachBackend('fit near the largest number of an update', (backend) => {
  /** A trainer that has done all updates but `left`. */
  async function trainerWith(left: number) {
    const model = sequential(linear(FEATURES, 8), relu(), dropout(0.5), linear(8, CLASSES));
    const trainer = createTrainer(backend, { model, optimizer: adam({ learningRate: 0.01 }) });
    const { tensors } = await trainer.checkpoint();
    const position = { updatesBefore: LAST - left, epochsBefore: 0, step: 0, lossSum: 0 };
    const metadata = { handgrad: JSON.stringify({ seed: 0, batchSize: 16, ...position }) };
    await trainer.restore({ tensors, metadata });
    return trainer;
  }

  it('trains up to the last update, then rejects with finite weights', async () => {
    // 3 steps per epoch.
    const data = blobs({ size: 48 });
    const trainer = await trainerWith(7);
    const run = trainer.fit(data, { epochs: 3 });
    await expect(run).rejects.toThrow(
      /^fit: expected at most 2147483647 updates of one trainer, got one more; /,
    );
    await expect(run).rejects.toBeInstanceOf(TrainingError);
    const same = await trainerWith(7);
    const { stoppedBy } = await same.fit(data, { epochs: 3, onStep: ({ step }) => step < 7 });
    expect(stoppedBy).toBe('onStep');
    const state = await trainer.state();
    expectSameState(state, await same.state());
    for (const { data } of state.values()) expect(data.every(Number.isFinite)).toBe(true);
    await expect(trainer.fit(data, { epochs: 1 })).rejects.toThrow(TrainingError);
  });
});

describe('seeds', () => {
  it('may be as large as 2³² − 1, and no larger', async () => {
    const backend = await createBackend('wasm');
    expect(createTrainer(backend, { seed: 2 ** 32 - 1 }).seed).toBe(2 ** 32 - 1);
    for (const seed of [2 ** 32, 2 ** 53 - 1]) {
      expect(() => createTrainer(backend, { seed })).toThrow(
        `Trainer: expected seed to be below 2 ** 32, got ${seed}; pass ${seed} % 2 ** 32`,
      );
    }
    await backend.close();
  });

  it.each([
    ['split', (seed: number) => split(noisyLine(), 0.5, seed)],
    ['noisyLine', (seed: number) => noisyLine({ seed })],
    ['noisyParabola', (seed: number) => noisyParabola({ seed })],
    ['syntheticDigits', (seed: number) => syntheticDigits({ seed, trainSize: 1, testSize: 1 })],
  ])('of %s have the same range, and errors name the function', (name, use) => {
    use(2 ** 32 - 1);
    expect(() => use(-1)).toThrow(
      new ShapeError(`${name}: expected seed to be an integer of at least 0, got -1`),
    );
    expect(() => use(2 ** 32)).toThrow(`${name}: expected seed to be below 2 ** 32`);
  });
});
