import { describe, expect, it } from 'vitest';
import { createBackend, type Dataset, linear, sequential, squaredError } from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { blobs, createTrainer, expectSameState, plane } from './fixtures.js';

const backend = await createBackend('wasm');
const [train, validation] = [blobs({ size: 50 }), blobs({ size: 30, seed: 1 })];

describeOnEachBackend('validation', (backend) => {
  it('evaluates after every epoch, and does not change the training', async () => {
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
  it('has no accuracy for regression', async () => {
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
    });
    const { epochs } = await trainer.fit(plane(), { epochs: 1, validation: plane({ seed: 1 }) });
    expect(epochs[0].validLoss).toBeGreaterThan(0);
    expect(epochs[0]).not.toHaveProperty('validAccuracy');
    expect(epochs[0]).not.toHaveProperty('validBalancedAccuracy');
  });

  it('refuses data that does not fit before it trains on anything', async () => {
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
  /** A dataset whose example n has n as its inputs. */
  const numbered = (size: number): Dataset => ({
    ...blobs({ size }),
    inputs: Float32Array.from({ length: 4 * size }, (_, i) => Math.floor(i / 4)),
  });

  /** The examples that a split of `trainer`’s `fit` sets aside, as they are evaluated. */
  async function validatedExamples(fraction: number, seed: number, size: number) {
    const trainer = createTrainer(backend, { seed, batchSize: 1 });
    const evaluated: Dataset[] = [];
    const evaluate = trainer.evaluate.bind(trainer);
    trainer.evaluate = (dataset) => {
      evaluated.push(dataset);
      return evaluate(dataset);
    };
    const { examples } = await trainer.fit(numbered(size), {
      epochs: 1,
      validationSplit: fraction,
    });
    const [dataset] = evaluated;
    const rows = Array.from({ length: dataset.size }, (_, n) => dataset.inputs[4 * n]);
    return { examples, rows };
  }

  it('sets a share of the examples aside, and trains on the others', async () => {
    const { examples, rows } = await validatedExamples(0.3, 0, 50);
    expect([examples, rows.length, new Set(rows).size]).toEqual([35, 15, 15]);
  });

  it('chooses by the seed', async () => {
    const [a, again, b] = [
      await validatedExamples(0.3, 0, 50),
      await validatedExamples(0.3, 0, 50),
      await validatedExamples(0.3, 1, 50),
    ];
    expect(again.rows).toEqual(a.rows);
    expect(b.rows).not.toEqual(a.rows);
  });

  it('trains on none of the examples that it validates on', async () => {
    // Inputs of 10⁶ and more in one part only: had they been trained on, it would show.
    const { rows } = await validatedExamples(0.3, 0, 50);
    const data = blobs({ size: 50 });
    const spoiled = { ...data, inputs: data.inputs.slice() };
    for (const n of rows) spoiled.inputs.fill(1e6, 4 * n, 4 * n + 4);
    const [clean, other] = [createTrainer(backend), createTrainer(backend)];
    await clean.fit(data, { epochs: 2, validationSplit: 0.3 });
    await other.fit(spoiled, { epochs: 2, validationSplit: 0.3 });
    expectSameState(await other.state(), await clean.state());
  });

  it('refuses to be given beside validation data', async () => {
    const options = { epochs: 1, validation, validationSplit: 0.2 };
    await expect(createTrainer(backend).fit(train, options)).rejects.toThrow(
      new RangeError('fit: expected validation or validationSplit, got both'),
    );
  });

  it.each([0, 1, -0.5, NaN])('refuses a share of %s', async (validationSplit) => {
    const fitting = createTrainer(backend).fit(train, { epochs: 1, validationSplit });
    await expect(fitting).rejects.toThrow(
      `split: expected a fraction between 0 and 1, got ${validationSplit}`,
    );
  });

  it('counts a batch against what is left for training', async () => {
    const trainer = createTrainer(backend, { batchSize: 40 });
    await expect(trainer.fit(train, { epochs: 1, validationSplit: 0.5 })).rejects.toThrow(
      'fit: expected a batch of at most 25 examples, as many as blobs, training part has, got 40; lower batchSize',
    );
  });
});
