import { describe, expect, it } from 'vitest';
import {
  type Backend,
  binaryCrossEntropy,
  createBackend,
  DataError,
  type Dataset,
  type Layer,
  type Loss,
  linear,
  mnistLoss,
  relu,
  ShapeError,
  type State,
  sequential,
  sigmoid,
  softmaxCrossEntropy,
  squaredError,
  type Trainer,
  tanh,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { blobs, CLASSES, createTrainer, expectSameState, FEATURES, plane } from './fixtures.js';

const wasm = await createBackend('wasm');
const exactReference = await createBackend('reference', { precision: 'float64' });

const SETUPS: Record<string, { model: () => Layer; loss: () => Loss; data: Dataset }> = {
  'softmax cross-entropy over ReLU and tanh': {
    model: () => sequential(linear(FEATURES, 6), relu(), linear(6, 5), tanh(), linear(5, CLASSES)),
    loss: softmaxCrossEntropy,
    data: blobs({ size: 11 }),
  },
  'binary cross-entropy over a sigmoid': {
    model: () => sequential(linear(FEATURES, 3), sigmoid(), linear(3, 1)),
    loss: binaryCrossEntropy,
    data: blobs({ size: 9, classes: 2 }),
  },
  'the mnist loss over one layer': {
    model: () => sequential(linear(FEATURES, 1)),
    loss: mnistLoss,
    data: blobs({ size: 10, classes: 2 }),
  },
  'the mean squared error over tanh': {
    model: () => sequential(linear(2, 4), tanh(), linear(4, 1)),
    loss: squaredError,
    data: plane({ size: 7 }),
  },
};

function setUp(backend: Backend, name: string): { trainer: Trainer; data: Dataset } {
  const { model, loss, data } = SETUPS[name];
  return { trainer: createTrainer(backend, { model: model(), loss: loss(), seed: 4 }), data };
}

/**
 * (L(w + h) − L(w − h)) / 2h for every weight, where 2h is the difference after rounding to
 * float32.
 */
async function centralDifferences(trainer: Trainer, data: Dataset): Promise<Map<string, number[]>> {
  const state = await trainer.state();
  const lossWith = async (name: string, i: number, value: number) => {
    const changed: State = new Map(state);
    const entry = state.get(name) ?? expect.fail(`no weight ${name}`);
    const values = Float32Array.from(entry.data);
    values[i] = value;
    changed.set(name, { ...entry, data: values });
    await trainer.loadState(changed);
    return { w: values[i], loss: (await trainer.evaluate(data)).loss };
  };
  const differences = new Map<string, number[]>();
  for (const [name, { data: weights }] of state) {
    const column: number[] = [];
    for (const [i, w] of weights.entries()) {
      const [above, below] = [await lossWith(name, i, w + 1e-4), await lossWith(name, i, w - 1e-4)];
      column.push((above.loss - below.loss) / (above.w - below.w));
    }
    differences.set(name, column);
  }
  await trainer.loadState(state);
  return differences;
}

describe.each(Object.keys(SETUPS))('gradients of %s', (name) => {
  it('agree with central differences of the loss, in PyTorch’s layouts', async () => {
    const { trainer, data } = setUp(exactReference, name);
    const want = await centralDifferences(trainer, data);
    const { loss, gradients } = await trainer.gradients(data.inputs as Float32Array, data.targets);
    expect([...gradients.keys()]).toEqual([...want.keys()]);
    for (const [weight, differences] of want) {
      const got = gradients.get(weight) ?? [];
      expectClose(`d(${weight})`, got, differences, { absolute: 1e-6 });
      expect(Math.max(...differences.map(Math.abs)), weight).toBeGreaterThan(1e-3);
    }
    expectClose('loss', [loss], [(await trainer.evaluate(data)).loss], { relative: 1e-12 });
  });
});

describeOnEachBackend('gradients', (backend) => {
  it.each(Object.keys(SETUPS))('of %s agree with the float64 reference', async (name) => {
    const [{ trainer, data }, exact] = [setUp(backend, name), setUp(exactReference, name)];
    const inputs = data.inputs as Float32Array;
    const got = await trainer.gradients(inputs, data.targets);
    const want = await exact.trainer.gradients(inputs, data.targets);
    expectClose('loss', [got.loss], [want.loss], { relative: 1e-5 });
    for (const [weight, values] of want.gradients) {
      expectClose(`d(${weight})`, got.gradients.get(weight) ?? [], values, { absolute: 2e-6 });
    }
  });

  it('do not change weights, and do not accumulate over calls', async () => {
    const trainer = createTrainer(backend);
    const before = await trainer.state();
    const { inputs, targets } = blobs({ size: 20 });
    const first = await trainer.gradients(inputs, targets);
    await trainer.gradients(inputs.subarray(0, 4 * 7), targets.subarray(0, 7));
    expect(await trainer.gradients(inputs, targets)).toEqual(first);
    expectSameState(await trainer.state(), before);
  });
});

describe('gradients', () => {
  const inputs = new Float32Array(2 * FEATURES);

  it('normalise bytes like the training data', async () => {
    const { inputs: bytes, targets, normalization } = blobs({ size: 20, bytes: true });
    const { mean, std } = normalization;
    const trainer = createTrainer(wasm, { normalization });
    const floats = Float32Array.from(bytes, (byte) => (byte / 255 - mean) / std);
    const [got, want] = [
      await trainer.gradients(bytes, targets),
      await trainer.gradients(floats, targets),
    ];
    for (const [name, values] of want.gradients) {
      expectClose(`d(${name})`, got.gradients.get(name) ?? [], values, { absolute: 1e-6 });
    }
  });

  it.each<[string, number[], Error]>([
    [
      'a wrong number of targets',
      [0],
      new ShapeError('gradients: expected targets to have B = 2 elements, got 1'),
    ],
    [
      'a label out of range',
      [0, 3],
      new DataError('gradients: expected labels from 0 to 2, got 3 at 1'),
    ],
    [
      'a label that is not an integer',
      [0.5, 1],
      new DataError('gradients: expected labels from 0 to 2, got 0.5 at 0'),
    ],
  ])('reject %s', async (_name, targets, error) => {
    await expect(createTrainer(wasm).gradients(inputs, targets)).rejects.toThrow(error);
  });

  it('reject regression targets that are not finite', async () => {
    const { trainer } = setUp(wasm, 'the mean squared error over tanh');
    await expect(trainer.gradients(Float32Array.of(1, 2), [Infinity])).rejects.toThrow(
      new DataError('gradients: expected finite numbers in targets, got Infinity at 0'),
    );
  });

  it('reject inputs that are not whole rows or not finite', async () => {
    const trainer = createTrainer(wasm);
    await expect(trainer.gradients(new Float32Array(7), [0, 1])).rejects.toThrow(
      new ShapeError('gradients: expected inputs of shape (B, 4), got 7 numbers'),
    );
    await expect(trainer.gradients(Float32Array.of(1, 2, 3, -Infinity), [0])).rejects.toThrow(
      new DataError('gradients: expected finite numbers in inputs, got -Infinity at 3'),
    );
  });
});
