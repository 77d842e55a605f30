import { expect, it } from 'vitest';
import { type Dataset, linear, sequential, sgd, squaredError } from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { createTrainer } from './fixtures.js';

describeOnEachBackend('clipNorm', (backend) => {
  it.each([1e4, 1e12, 1e15, 1e18])('limits gradients of magnitude %d²', async (scale) => {
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
      optimizer: sgd({ learningRate: 0.5 }),
      batchSize: 1,
      clipNorm: 2,
    });
    const zero = new Map([
      ['0.weight', { shape: [1, 2], data: new Float32Array(2) }],
      ['0.bias', { shape: [1], data: new Float32Array(1) }],
    ]);
    await trainer.loadState(zero);
    // The loss is (w·x + b − t)². At w = 0 and b = 0 its gradient is −2 t x, and −2 t for b, which is
    // small beside it.
    const dataset: Dataset = {
      name: 'one point',
      size: 1,
      features: 2,
      inputs: Float32Array.of(3 * scale, -4 * scale),
      targets: Float32Array.of(scale),
      classes: 0,
      normalization: { mean: 0, std: 1 },
    };
    await trainer.fit(dataset, { epochs: 1 });
    const [first, second] = (await trainer.state()).get('0.weight')?.data ?? [];
    // A step of 0.5 along a gradient of norm 2, in the direction (3, −4) / 5.
    expect(first).toBeCloseTo(0.6, 5);
    expect(second).toBeCloseTo(-0.8, 5);
  });
});
