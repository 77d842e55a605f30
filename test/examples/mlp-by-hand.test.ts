import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  initialParameters,
  lossAndGradients,
  type Parameters,
  update,
} from '../../examples/node/mlp-by-hand.js';
import {
  type Backend,
  createBackend,
  linear,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
} from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';

const B = 32;
const SHAPES = { W1: [784, 100], W2: [100, 100], W3: [100, 10] } as const;
/** Names of the parameters in PyTorch. */
const NAMES = {
  W1: '0.weight',
  b1: '0.bias',
  W2: '2.weight',
  b2: '2.bias',
  W3: '4.weight',
  b3: '4.bias',
} as const;

let backend: Backend;
let trainer: Trainer;

beforeAll(async () => {
  backend = await createBackend('wasm');
  trainer = new Trainer(backend, {
    model: sequential(linear(784, 100), relu(), linear(100, 100), relu(), linear(100, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: B,
  });
});
afterAll(() => backend.close());

describe('the training step written out by hand', () => {
  it('agrees with the loss and the gradients of the Trainer', async () => {
    const parameters = initialParameters();
    await trainer.loadState(asState(parameters));
    const random = new RandomStream(1, 0);
    const x = Float32Array.from({ length: B * 784 }, () => random.nextNormal());
    const labels = Int32Array.from({ length: B }, () => random.nextBelow(10));

    const byHand = await lossAndGradients(backend, parameters, x, labels);
    const byTrainer = await trainer.gradients(x, labels);

    expect(byHand.loss).toBeCloseTo(byTrainer.loss, 6);
    for (const [name, { data }] of asState(byHand.gradients)) {
      const other = byTrainer.gradients.get(name) ?? [];
      expect(other.length, name).toBe(data.length);
      const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
      expect(worst, `${name}: largest difference`).toBeLessThan(1e-7);
      expect(Math.max(...data.map(Math.abs)), `${name}: largest gradient`).toBeGreaterThan(1e-4);
    }
  });

  it('lowers the loss of the batch that it trains on', async () => {
    let parameters = initialParameters();
    const random = new RandomStream(2, 0);
    const x = Float32Array.from({ length: B * 784 }, () => random.nextNormal());
    const labels = Int32Array.from({ length: B }, () => random.nextBelow(10));
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const { loss, gradients } = await lossAndGradients(backend, parameters, x, labels);
      parameters = await update(backend, parameters, gradients, 0.1);
      losses.push(loss);
    }
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(losses[19]).toBeLessThan(losses[0] / 2);
  });
});

/** Renames parameters to PyTorch's names, and transposes weights to (out, in). */
function asState(parameters: Parameters): Map<string, { shape: number[]; data: Float32Array }> {
  const entries = Object.entries(NAMES).map(([key, name]) => {
    const values = parameters[key as keyof Parameters];
    const shape = SHAPES[key as keyof typeof SHAPES];
    if (!shape) return { name, shape: [values.length], data: Float32Array.from(values) };
    const [rows, columns] = shape;
    const data = Float32Array.from(
      values,
      (_, i) => values[(i % rows) * columns + Math.floor(i / rows)],
    );
    return { name, shape: [columns, rows], data };
  });
  return new Map(entries.map(({ name, ...tensor }) => [name, tensor]));
}
