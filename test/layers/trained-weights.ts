import { syntheticDigits } from '../../src/data/index.js';
import type { Layer } from '../../src/layers/layer.js';
import type { Backend } from '../../src/numerics/backend.js';
import { softmaxCrossEntropy } from '../../src/training/losses/softmax-cross-entropy.js';
import { adam } from '../../src/training/optimizers/adam.js';
import { Trainer } from '../../src/training/trainer.js';

/** A model's file of weights after ten epochs of digits, and the first and last training loss. */
export async function trainedWeights(
  backend: Backend,
  model: Layer,
): Promise<{ readonly weights: Uint8Array; readonly losses: readonly [number, number] }> {
  const { train } = syntheticDigits({ trainSize: 190, testSize: 1 });
  const trainer = new Trainer(backend, {
    model,
    loss: softmaxCrossEntropy(),
    optimizer: adam({ learningRate: 1e-2 }),
    batchSize: 38,
  });
  const { epochs } = await trainer.fit(train, { epochs: 10 });
  const losses = [epochs[0].trainLoss, epochs[epochs.length - 1].trainLoss] as const;
  return { weights: await trainer.encode(), losses };
}
