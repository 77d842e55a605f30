/* `fit` and `evaluate` reject data that does not fit, before anything has changed. */
import { describe, expect, it } from 'vitest';
import {
  binaryCrossEntropy,
  createBackend,
  DataError,
  type Dataset,
  linear,
  ShapeError,
  sequential,
  softmaxCrossEntropy,
  squaredError,
  type TrainerOptions,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { blobs, createTrainer, expectCloseState, expectSameState, plane } from './fixtures.js';

const wasm = await createBackend('wasm');
const valid = blobs({ size: 50 });

const withInput = (value: number): Dataset => {
  const inputs = Float32Array.from(valid.inputs);
  inputs[9] = value;
  return { ...valid, inputs };
};
const withTarget = (value: number): Dataset => {
  const targets = valid.targets.slice();
  targets[7] = value;
  return { ...valid, targets };
};

const REJECTED: [
  title: string,
  dataset: Dataset,
  error: Error,
  options?: () => Partial<TrainerOptions>,
][] = [
  [
    'examples of another width',
    { ...plane({ size: 50 }), classes: 3, targets: valid.targets },
    new ShapeError('layer 0, linear(4, 8): linear: expected input of shape (B, 4), got (1, 2)'),
  ],
  [
    'more classes than the model has',
    blobs({ size: 50, classes: 5 }),
    new ShapeError(
      'softmaxCrossEntropy: expected targets of at most 3 classes, got blobs with 5 classes',
    ),
  ],
  [
    'ten classes for a binary loss',
    blobs({ size: 50, classes: 10 }),
    new ShapeError(
      'binaryCrossEntropy: expected targets of at most 2 classes, got blobs with 10 classes',
    ),
    () => ({ model: sequential(linear(4, 1)), loss: binaryCrossEntropy() }),
  ],
  [
    'real targets for a loss on labels',
    { ...valid, classes: 0 },
    new ShapeError(
      'softmaxCrossEntropy: expected targets of at most 3 classes, got blobs with real numbers',
    ),
  ],
  [
    'labels for regression',
    valid,
    new ShapeError(
      'squaredError: expected real targets, got blobs with 3 classes; use a loss on labels',
    ),
    () => ({ model: sequential(linear(4, 1)), loss: squaredError() }),
  ],
  [
    'softmax on a model with one output',
    valid,
    new ShapeError(
      'softmaxCrossEntropy: expected an output of at least 2 classes, got 1; use binaryCrossEntropy',
    ),
    () => ({ model: sequential(linear(4, 1)), loss: softmaxCrossEntropy() }),
  ],
  [
    'a binary loss on a model with several outputs',
    valid,
    new ShapeError('binaryCrossEntropy: expected a model output of shape (B, 1), got (B, 3)'),
    () => ({ loss: binaryCrossEntropy() }),
  ],
  [
    'fewer inputs than size × features',
    { ...valid, inputs: valid.inputs.subarray(1) },
    new ShapeError('dataset blobs: expected 50 × 4 = 200 inputs, got 199'),
  ],
  [
    'a number of targets other than the number of examples',
    { ...valid, targets: valid.targets.subarray(1) },
    new ShapeError('dataset blobs: expected 50 targets, one per example, got 49'),
  ],
  [
    'an input that is NaN',
    withInput(NaN),
    new DataError('dataset blobs: expected finite inputs, got NaN in example 2, feature 1'),
  ],
  [
    'a label out of range',
    withTarget(3),
    new DataError('dataset blobs: expected targets to be class numbers 0 … 2, got 3 at index 7'),
  ],
];

describe.each(['fit', 'evaluate'] as const)('%s', (operation) => {
  it.each(REJECTED)('rejects %s', async (_title, dataset, error, options) => {
    const trainer = createTrainer(wasm, options?.());
    const before = await trainer.checkpoint();
    const attempt = () =>
      operation === 'fit' ? trainer.fit(dataset, { epochs: 1 }) : trainer.evaluate(dataset);
    await expect(attempt()).rejects.toThrow(error);
    await expect(attempt()).rejects.toBeInstanceOf(error.constructor);
    expect(await trainer.checkpoint()).toEqual(before);
  });
});

describe('fit', () => {
  it('rejects a batch that is larger than the dataset', async () => {
    const trainer = createTrainer(wasm, { batchSize: 51 });
    await expect(trainer.fit(valid, { epochs: 1 })).rejects.toThrow(
      new ShapeError(
        'fit: expected a batch of at most 50 examples, the size of blobs, got 51; lower batchSize',
      ),
    );
    // Evaluation has no such limit.
    expect((await trainer.evaluate(valid, { confusion: true })).confusion).toHaveLength(9);
  });

  it('works after it rejected a dataset', async () => {
    const [trainer, fresh] = [createTrainer(wasm), createTrainer(wasm)];
    await expect(trainer.fit(withInput(Infinity), { epochs: 1 })).rejects.toThrow(DataError);
    await trainer.fit(valid, { epochs: 1 });
    await fresh.fit(valid, { epochs: 1 });
    expectSameState(await trainer.state(), await fresh.state());
  });

  it('accepts data with fewer classes than the model', async () => {
    const { epochs } = await createTrainer(wasm).fit(blobs({ classes: 2 }), { epochs: 10 });
    expect(epochs[9].trainLoss).toBeLessThan(epochs[0].trainLoss / 2);
  });
});

describeOnEachBackend('fit', (backend) => {
  it('gives nearly the same weights for bytes as for the same values as floats', async () => {
    const bytes = blobs({ bytes: true });
    const { mean, std } = bytes.normalization;
    const floats: Dataset = {
      ...bytes,
      inputs: Float32Array.from(bytes.inputs, (byte) => (byte / 255 - mean) / std),
    };
    const [a, b] = [createTrainer(backend), createTrainer(backend)];
    await a.fit(bytes, { epochs: 3 });
    await b.fit(floats, { epochs: 3 });
    expectCloseState(await a.state(), await b.state(), { absolute: 1e-5 });
  });
});
