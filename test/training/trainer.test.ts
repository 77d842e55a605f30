import { describe, expect, it } from 'vitest';
import {
  adam,
  adamW,
  type Backend,
  binaryCrossEntropy,
  createBackend,
  linear,
  mnistLoss,
  type Optimizer,
  sequential,
  sgd,
  squaredError,
  Trainer,
} from '../../src/index.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { describeOnEachBackend } from '../backends.js';
import { expectSameBits } from '../values.js';
import {
  blobs,
  createTrainer,
  differs,
  expectCloseState,
  expectSameState,
  FEATURES,
  network,
  plane,
} from './fixtures.js';

const [train, test] = [blobs({ size: 200 }), blobs({ size: 100, seed: 1 })];
const reference = await createBackend('reference');
const exactReference = await createBackend('reference', { precision: 'float64' });

describe('Trainer on reference float64', () => {
  learns(exactReference);
});

describeOnEachBackend('Trainer', (backend) => {
  learns(backend);

  it('computes the same weights for the same seed, bit for bit', async () => {
    const [a, b] = [createTrainer(backend, { seed: 3 }), createTrainer(backend, { seed: 3 })];
    await a.fit(train, { epochs: 3 });
    await b.fit(train, { epochs: 3 });
    expectSameState(await a.state(), await b.state());
  });

  it('draws other initial weights for another seed', async () => {
    const trainer = createTrainer(backend, { seed: 7 });
    const state = await trainer.state();
    network().parameters.forEach((parameter, i) => {
      const name = ['0.weight', '0.bias', '2.weight', '2.bias'][i];
      const random = new RandomStream(7, STREAMS.parameters + i);
      const want = parameter.toPytorch(parameter.initialValues(random));
      expectSameBits(name, state.get(name)?.data ?? [], want);
    });
    expect(differs(await createTrainer(backend, { seed: 8 }).state(), state)).toBe(true);
  });

  it('shuffles differently for another seed', async () => {
    const [a, b] = [createTrainer(backend, { seed: 0 }), createTrainer(backend, { seed: 1 })];
    await b.loadState(await a.state());
    await a.fit(train, { epochs: 1 });
    await b.fit(train, { epochs: 1 });
    expect(differs(await a.state(), await b.state())).toBe(true);
  });

  it('computes the weights of the reference up to rounding', async () => {
    const [got, want] = [createTrainer(backend), createTrainer(reference)];
    await got.fit(train, { epochs: 3 });
    await want.fit(train, { epochs: 3 });
    expectCloseState(await got.state(), await want.state(), { absolute: 1e-5, relative: 1e-5 });
  });

  it('computes the same weights for two models trained concurrently or one after the other', async () => {
    const alone = createTrainer(backend, { seed: 1 });
    await alone.fit(train, { epochs: 2 });
    const together = [
      createTrainer(backend, { seed: 1 }),
      createTrainer(backend, { batchSize: 7 }),
    ];
    await Promise.all(together.map((trainer) => trainer.fit(train, { epochs: 2 })));
    expectSameState(await together[0].state(), await alone.state());
  });
});

describe('Trainer', () => {
  it('counts the parameters of its model', () => {
    expect(createTrainer(reference).parameterCount).toBe(4 * 8 + 8 + 8 * 3 + 3);
  });

  it('has its batch size and seed, which is 0 by default', () => {
    const { batchSize, seed } = new Trainer(reference, {
      model: network(),
      loss: squaredError(),
      optimizer: sgd({ learningRate: 1 }),
      batchSize: 5,
    });
    expect([batchSize, seed]).toEqual([5, 0]);
  });

  it.each([
    [{ batchSize: 0 }, 'Trainer: expected batchSize to be an integer of at least 1, got 0'],
    [{ batchSize: 2.5 }, 'Trainer: expected batchSize to be an integer of at least 1, got 2.5'],
    [{ seed: -1 }, 'Trainer: expected seed to be an integer of at least 0, got -1'],
    [{ seed: NaN }, 'Trainer: expected seed to be an integer of at least 0, got NaN'],
    [{ clipNorm: 0 }, /^Trainer: expected clipNorm to be a finite number of at least .*, got 0$/],
    [{ clipNorm: Infinity }, /^Trainer: expected clipNorm to be a finite number .*, got Infinity$/],
  ])('rejects %o', (options, message) => {
    expect(() => createTrainer(reference, options)).toThrow(message);
  });

  it('rejects a model that belongs to another trainer', () => {
    const model = network();
    createTrainer(reference, { model });
    expect(() => createTrainer(reference, { model })).toThrow(
      'Trainer: expected a model of its own, got one that belongs to another trainer or model; build a new one',
    );
    expect(() => sequential(model, linear(3, 3))).toThrow(/which already does/);
  });

  it('rejects a layer that belongs to another model', () => {
    const layer = linear(FEATURES, 3);
    sequential(layer);
    expect(() => createTrainer(reference, { model: layer })).toThrow(/a model of its own/);
  });

  it('does not take ownership of the model when its constructor throws', async () => {
    const closed = await createBackend('reference');
    await closed.close();
    const model = network();
    expect(() => createTrainer(reference, { model, batchSize: 0 })).toThrow(/batchSize/);
    expect(() => createTrainer(closed, { model })).toThrow('reference: the backend is closed');
    expect(createTrainer(reference, { model }).batchSize).toBe(16);
  });
});

/** Expects that the loss falls, and that the model classifies unseen examples correctly. */
function learns(backend: Backend): void {
  const firstAndLast = (epochs: readonly { trainLoss: number }[]) => [
    epochs[0].trainLoss,
    epochs[epochs.length - 1].trainLoss,
  ];

  it('learns to classify', async () => {
    const trainer = createTrainer(backend);
    const [first, last] = firstAndLast((await trainer.fit(train, { epochs: 12 })).epochs);
    expect(last).toBeLessThan(first / 3);
    expect((await trainer.evaluate(test)).accuracy).toBeGreaterThan(0.9);
  });

  it('learns from bytes, which it normalises', async () => {
    const trainer = createTrainer(backend);
    const [first, last] = firstAndLast(
      (await trainer.fit(blobs({ size: 200, bytes: true }), { epochs: 12 })).epochs,
    );
    expect(last).toBeLessThan(first / 3);
    const { accuracy } = await trainer.evaluate(blobs({ size: 100, seed: 1, bytes: true }));
    expect(accuracy).toBeGreaterThan(0.9);
  });

  it.each([
    ['binary cross-entropy', binaryCrossEntropy],
    ['the mnist loss', mnistLoss],
  ])('learns two classes by %s', async (_name, loss) => {
    const model = sequential(linear(FEATURES, 1));
    const optimizer = sgd({ learningRate: 1 });
    const trainer = createTrainer(backend, { model, loss: loss(), optimizer });
    const two = { size: 200, classes: 2 };
    const [first, last] = firstAndLast((await trainer.fit(blobs(two), { epochs: 5 })).epochs);
    expect(last).toBeLessThan(first / 2);
    expect((await trainer.evaluate(blobs({ ...two, seed: 1 }))).accuracy).toBeGreaterThan(0.95);
  });

  it.each(['mean', 'sum'] as const)(
    'learns a plane by the %s of squared errors',
    async (reduction) => {
      const model = sequential(linear(2, 1));
      const optimizer = sgd({ learningRate: reduction === 'sum' ? 0.1 / 16 : 0.1 });
      const trainer = createTrainer(backend, {
        model,
        loss: squaredError({ reduction }),
        optimizer,
      });
      await trainer.fit(plane(), { epochs: 30 });
      const state = await trainer.state();
      const [w0, w1] = state.get('0.weight')?.data ?? [];
      const [b] = state.get('0.bias')?.data ?? [];
      for (const [got, want] of [
        [w0, 1],
        [w1, -2],
        [b, 0.5],
      ]) {
        expect(got).toBeGreaterThan(want - 0.05);
        expect(got).toBeLessThan(want + 0.05);
      }
    },
  );

  it.each<[string, () => Optimizer]>([
    ['momentum', () => sgd({ learningRate: 0.02, momentum: 0.9 })],
    ['Nesterov momentum', () => sgd({ learningRate: 0.02, momentum: 0.9, nesterov: true })],
    ['Adam', () => adam({ learningRate: 0.02 })],
    ['AdamW', () => adamW({ learningRate: 0.02 })],
  ])('learns by %s', async (_name, optimizer) => {
    const trainer = createTrainer(backend, { optimizer: optimizer() });
    const [first, last] = firstAndLast((await trainer.fit(train, { epochs: 8 })).epochs);
    expect(last).toBeLessThan(first / 3);
  });
}
