import { describe, expect, it } from 'vitest';
import {
  conv2d,
  createBackend,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  maxPool2d,
  onImages,
  relu,
  ShapeError,
  sequential,
  TrainingError,
} from '../../src/index.js';
import { blobs, createTrainer } from './fixtures.js';

const backend = await createBackend('reference');
const data = blobs({ size: 20 });
/** The image that the four numbers of an example form. */
const IMAGE = { channels: 1, height: 2, width: 2 };

/** Runs the methods of a trainer that need rows of data. */
async function expectRefusal(model: () => Layer, error: Error) {
  const trainer = () => createTrainer(backend, { model: model() });
  await expect(trainer().fit(data, { epochs: 1 })).rejects.toThrow(error);
  await expect(trainer().evaluate(data)).rejects.toThrow(error);
}

describe('a model that takes images', () => {
  it('fails on rows with the hint to wrap it in onImages', async () => {
    const model = () => sequential(relu(), conv2d(1, 2, 2), flatten(), linear(2, 3));
    const message =
      'layer 1, conv2d(1, 2, 2): conv2d: expected input of shape (B, H, W, 1), got (1, 4); wrap the model in onImages';
    await expectRefusal(model, new ShapeError(message));
    await expectRefusal(
      () => sequential(maxPool2d(2), flatten(), linear(1, 3)),
      new ShapeError(
        'layer 0, maxPool2d(2): maxPool2d: expected input of shape (B, H, W, C), got (1, 4); wrap the model in onImages',
      ),
    );
  });

  it('fails at a linear layer with the hint to flatten first', async () => {
    await expectRefusal(
      () => onImages(IMAGE, sequential(conv2d(1, 2, 2), linear(2, 3))),
      new ShapeError(
        'layer 1, linear(2, 3): linear: expected input of shape (B, 2), got (1, 1, 1, 2); flatten it first',
      ),
    );
  });

  it('fails without a flat output with a hint on how to end the model', async () => {
    const model = () => onImages(IMAGE, sequential(conv2d(1, 3, 2), relu()));
    const error = new ShapeError(
      'model: expected an output of shape (B, classes), got (1, 1, 1, 3); end the model with flatten or globalAveragePool, and linear',
    );
    await expectRefusal(model, error);
    const trainer = createTrainer(backend, { model: model() });
    await expect(trainer.predict(new Float32Array(4))).rejects.toThrow(error);
    await expect(trainer.gradients(new Float32Array(4), [0])).rejects.toThrow(error);
  });

  it('is rejected by predict and gradients, because it has no number of inputs', async () => {
    const model = sequential(conv2d(1, 3, 2), globalAveragePool(), linear(3, 3));
    const trainer = createTrainer(backend, { model });
    const refusal = (operation: string) =>
      new TrainingError(
        `${operation}: expected a model that takes rows of numbers, got one that takes images; wrap it in onImages`,
      );
    await expect(trainer.predict(new Float32Array(3))).rejects.toThrow(refusal('predict'));
    await expect(trainer.gradients(new Float32Array(3), [0])).rejects.toThrow(refusal('gradients'));
  });
});
