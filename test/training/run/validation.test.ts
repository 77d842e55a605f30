import { describe, expect, it, vi } from 'vitest';
import {
  createBackend,
  type Dataset,
  linear,
  sequential,
  squaredError,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { blobs, createTrainer, expectSameState, plane } from '../fixtures.js';

const backend = await createBackend('wasm');
const [train, validation] = [blobs({ size: 50 }), blobs({ size: 30, seed: 1 })];

describeOnEachBackend('validation', (backend) => {
  it('evaluates after every epoch without changing the training', async () => {
    const [trainer, plain] = [createTrainer(backend), createTrainer(backend)];
    const evaluations: unknown[] = [];
    const { epochs } = await trainer.fit(train, {
      epochs: 3,
      validation,
      onEpoch: async () => evaluations.push(await trainer.evaluate(validation)),
    });
    expect(epochs).toHaveLength(3);
    epochs.forEach(({ validLoss, validAccuracy, validBalancedAccuracy }, i) => {
      expect(evaluations[i]).toMatchObject({
        loss: validLoss,
        accuracy: validAccuracy,
        balancedAccuracy: validBalancedAccuracy,
      });
    });
    await plain.fit(train, { epochs: 3 });
    expectSameState(await trainer.state(), await plain.state());
  });
});

describe('validation', () => {
  it('reports no accuracy for regression', async () => {
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
    });
    const { epochs } = await trainer.fit(plane(), { epochs: 1, validation: plane({ seed: 1 }) });
    expect(epochs[0].validLoss).toBeGreaterThan(0);
    expect(epochs[0]).not.toHaveProperty('validAccuracy');
    expect(epochs[0]).not.toHaveProperty('validBalancedAccuracy');
  });

  it('rejects data that does not fit before the first step', async () => {
    const trainer = createTrainer(backend);
    const before = await trainer.state();
    const wider: Dataset = { ...plane({ size: 20 }), name: 'wider', classes: 3, features: 2 };
    await expect(trainer.fit(train, { epochs: 1, validation: wider })).rejects.toThrow(
      'layer 0, linear(4, 8): linear: expected input of shape (B, 4), got (1, 2)',
    );
    const regression = { ...blobs(), classes: 0 };
    await expect(trainer.fit(train, { epochs: 1, validation: regression })).rejects.toThrow(
      'softmaxCrossEntropy: expected targets of at most 3 classes, got blobs with real numbers',
    );
    expectSameState(await trainer.state(), before);
  });
});

describe('validationSplit', () => {
  /** A dataset where all inputs of example n are n. */
  const numbered = (size: number): Dataset => ({
    ...blobs({ size }),
    inputs: Float32Array.from({ length: 4 * size }, (_, i) => Math.floor(i / 4)),
  });

  /** The examples that `fit` of `trainer` holds out and evaluates. */
  async function validatedExamples(fraction: number, seed: number, size: number) {
    const trainer = createTrainer(backend, { seed, batchSize: 1 });
    const evaluate = vi.spyOn(trainer, 'evaluate');
    const { examples } = await trainer.fit(numbered(size), {
      epochs: 1,
      validationSplit: fraction,
    });
    const [dataset] = evaluate.mock.calls[0];
    const rows = Array.from({ length: dataset.size }, (_, n) => dataset.inputs[4 * n]);
    return { examples, rows };
  }

  it('holds out a fraction of the examples and trains on the others', async () => {
    const { examples, rows } = await validatedExamples(0.3, 0, 50);
    expect([examples, rows.length, new Set(rows).size]).toEqual([35, 15, 15]);
  });

  it('chooses the examples by the seed', async () => {
    const [a, again, b] = [
      await validatedExamples(0.3, 0, 50),
      await validatedExamples(0.3, 0, 50),
      await validatedExamples(0.3, 1, 50),
    ];
    expect(again.rows).toEqual(a.rows);
    expect(b.rows).not.toEqual(a.rows);
  });

  it('does not train on validation examples', async () => {
    // Inputs of at least 10⁶ in one part only: training on them would change the weights visibly.
    const { rows } = await validatedExamples(0.3, 0, 50);
    const data = blobs({ size: 50 });
    const spoiled = { ...data, inputs: data.inputs.slice() };
    for (const n of rows) spoiled.inputs.fill(1e6, 4 * n, 4 * n + 4);
    const [clean, other] = [createTrainer(backend), createTrainer(backend)];
    await clean.fit(data, { epochs: 2, validationSplit: 0.3 });
    await other.fit(spoiled, { epochs: 2, validationSplit: 0.3 });
    expectSameState(await other.state(), await clean.state());
  });

  it('is rejected together with validation data', async () => {
    const options = { epochs: 1, validation, validationSplit: 0.2 };
    await expect(createTrainer(backend).fit(train, options)).rejects.toThrow(
      new RangeError('fit: expected validation or validationSplit, got both'),
    );
  });

  it.each([0, 1, -0.5, NaN])('rejects a fraction of %s', async (validationSplit) => {
    const fitting = createTrainer(backend).fit(train, { epochs: 1, validationSplit });
    await expect(fitting).rejects.toThrow(
      `split: expected a fraction between 0 and 1, got ${validationSplit}`,
    );
  });

  it('limits the batch size to the examples left for training', async () => {
    const trainer = createTrainer(backend, { batchSize: 40 });
    await expect(trainer.fit(train, { epochs: 1, validationSplit: 0.5 })).rejects.toThrow(
      'fit: expected a batch of at most 25 examples, the size of blobs, training part, got 40; lower batchSize',
    );
  });
});
