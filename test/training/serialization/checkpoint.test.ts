import { describe, expect, it } from 'vitest';
import { type Dataset, take, touch } from '../../../src/data/index.js';
import {
  adam,
  type Backend,
  type Checkpoint,
  cosine,
  createBackend,
  DataError,
  decodeSafetensors,
  encodeSafetensors,
  type FitOptions,
  linear,
  type Optimizer,
  ShapeError,
  sequential,
  sgd,
  type Trainer,
  TrainingError,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { blobs, createTrainer, expectSameState, FEATURES } from '../fixtures.js';

const wasm = await createBackend('wasm');
// 4 steps per epoch, the last with 2 examples.
const train = blobs({ size: 50 });
const EPOCHS = 3;

const OPTIMIZERS: Record<string, () => Optimizer> = {
  'plain gradient descent': () => sgd({ learningRate: 0.1 }),
  momentum: () => sgd({ learningRate: cosine({ rate: 0.05 }), momentum: 0.9 }),
  'Nesterov momentum': () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
  Adam: () => adam({ learningRate: cosine({ rate: 0.01 }) }),
};

/** A checkpoint of a run that stops after `updates` updates. */
async function interrupted(trainer: Trainer, updates: number): Promise<Checkpoint> {
  const { stoppedBy } = await trainer.fit(train, {
    epochs: EPOCHS,
    onStep: ({ step }) => step < updates,
  });
  expect(stoppedBy).toBe('onStep');
  return trainer.checkpoint();
}

async function resumed(trainer: Trainer, checkpoint: Checkpoint, options?: Partial<FitOptions>) {
  await trainer.restore(checkpoint);
  return trainer.fit(train, { epochs: EPOCHS, resume: true, ...options });
}

describeOnEachBackend('resuming', (backend: Backend) => {
  it.each(Object.keys(OPTIMIZERS))(
    'with %s gives the weights of a run without a break, wherever it stopped',
    async (name) => {
      const create = () => createTrainer(backend, { optimizer: OPTIMIZERS[name](), seed: 3 });
      const whole = create();
      const { epochs: records } = await whole.fit(train, { epochs: EPOCHS });
      const losses = records.map(({ trainLoss }) => trainLoss);
      // Within an epoch, before and after its smaller last batch, and before the last step of the
      // run.
      for (const updates of [1, 3, 4, 6, 8, 11]) {
        const checkpoint = await interrupted(create(), updates);
        const trainer = create();
        const { epochs } = await resumed(trainer, checkpoint);
        expectSameState(await trainer.state(), await whole.state());
        // The loss of an epoch includes the steps before the interruption.
        expect(epochs.map(({ trainLoss }) => trainLoss)).toEqual(
          losses.slice(Math.floor(updates / 4)),
        );
        expect(epochs[0].epoch).toBe(Math.floor(updates / 4) + 1);
      }
    },
  );
});

describe('resuming', () => {
  it('continues in a stopped trainer without a checkpoint', async () => {
    const [whole, stopped] = [createTrainer(wasm), createTrainer(wasm)];
    await whole.fit(train, { epochs: EPOCHS });
    await stopped.fit(train, { epochs: EPOCHS, onStep: ({ step }) => step < 5 });
    await stopped.fit(train, { epochs: EPOCHS, resume: true });
    expectSameState(await stopped.state(), await whole.state());
  });

  it('continues from a checkpoint that was taken in a callback', async () => {
    const whole = createTrainer(wasm, { optimizer: OPTIMIZERS.Adam() });
    const checkpoints: Checkpoint[] = [];
    const keep = async () => {
      checkpoints.push(await whole.checkpoint());
    };
    await whole.fit(train, { epochs: EPOCHS, onEpoch: keep });
    for (const checkpoint of checkpoints) {
      const trainer = createTrainer(wasm, { optimizer: OPTIMIZERS.Adam() });
      await resumed(trainer, checkpoint);
      expectSameState(await trainer.state(), await whole.state());
    }
  });

  it('continues the updates and shuffles of a second run', async () => {
    const create = () => createTrainer(wasm, { optimizer: OPTIMIZERS.Adam() });
    const whole = create();
    await whole.fit(train, { epochs: 2 });
    await whole.fit(train, { epochs: EPOCHS });
    const stopped = create();
    await stopped.fit(train, { epochs: 2 });
    const checkpoint = await interrupted(stopped, 6);
    const trainer = create();
    await resumed(trainer, checkpoint);
    expectSameState(await trainer.state(), await whole.state());
  });

  it('does nothing after a completed run', async () => {
    const trainer = createTrainer(wasm);
    await trainer.fit(train, { epochs: EPOCHS });
    const before = await trainer.state();
    const history = await trainer.fit(train, { epochs: EPOCHS, resume: true });
    expect([history.epochs, history.examples]).toEqual([[], 0]);
    expectSameState(await trainer.state(), before);
  });

  it('holds out the same validation examples', async () => {
    const options = { epochs: EPOCHS, validationSplit: 0.3 };
    const [whole, stopped, trainer] = [0, 0, 0].map(() => createTrainer(wasm));
    const { epochs } = await whole.fit(train, options);
    await stopped.fit(train, { ...options, onStep: ({ step }) => step < 4 });
    const later = await resumed(trainer, await stopped.checkpoint(), options);
    expect(later.epochs.map(({ validLoss }) => validLoss)).toEqual(
      epochs.slice(1).map(({ validLoss }) => validLoss),
    );
  });
});

describe('a checkpoint', () => {
  it('can be written as safetensors and read back', async () => {
    const create = () => createTrainer(wasm, { optimizer: OPTIMIZERS.momentum() });
    const { tensors, metadata } = await interrupted(create(), 6);
    expect([...tensors.keys()]).toEqual([
      ...['0.weight', '0.bias', '2.weight', '2.bias'],
      ...['0.weight', '0.bias', '2.weight', '2.bias'].map((name) => `velocity.${name}`),
    ]);
    const [straight, written] = [create(), create()];
    await resumed(straight, { tensors, metadata });
    await resumed(written, decodeSafetensors(encodeSafetensors(tensors, metadata)));
    expectSameState(await written.state(), await straight.state());
  });

  it('does not change while its trainer continues', async () => {
    const trainer = createTrainer(wasm);
    const checkpoint = await interrupted(trainer, 6);
    const copy = structuredClone(checkpoint);
    await trainer.fit(train, { epochs: EPOCHS, resume: true });
    expect(checkpoint).toEqual(copy);
  });

  async function expectRejection(
    checkpoint: Checkpoint,
    error: Error,
    trainer = createTrainer(wasm),
  ) {
    await trainer.fit(train, { epochs: 1 });
    const before = await trainer.checkpoint();
    await expect(trainer.restore(checkpoint)).rejects.toThrow(error);
    await expect(trainer.restore(checkpoint)).rejects.toBeInstanceOf(error.constructor);
    expect(await trainer.checkpoint()).toEqual(before);
  }

  it('is rejected by a trainer with another seed or batch size, which stays unchanged', async () => {
    await expectRejection(
      await interrupted(createTrainer(wasm, { seed: 1 }), 6),
      new TrainingError('restore: expected a checkpoint with seed 0, got 1'),
    );
    await expectRejection(
      await interrupted(createTrainer(wasm, { batchSize: 8 }), 6),
      new TrainingError('restore: expected a checkpoint with batchSize 16, got 8'),
    );
  });

  it('is rejected by a trainer with another model or optimizer', async () => {
    const model = sequential(linear(FEATURES, 3));
    await expectRejection(
      await interrupted(createTrainer(wasm, { model }), 6),
      new ShapeError(
        'restore: expected tensors 0.weight, 0.bias, 2.weight, 2.bias, got 0.weight, 0.bias',
      ),
    );
    const optimizer = OPTIMIZERS.momentum();
    await expectRejection(
      await interrupted(createTrainer(wasm), 6),
      new ShapeError(
        'restore: expected tensors 0.weight, 0.bias, 2.weight, 2.bias, velocity.0.weight, velocity.0.bias, velocity.2.weight, velocity.2.bias, got 0.weight, 0.bias, 2.weight, 2.bias',
      ),
      createTrainer(wasm, { optimizer }),
    );
  });

  it('is rejected with numbers that are not finite', async () => {
    const { tensors, metadata } = await interrupted(createTrainer(wasm), 6);
    const spoiled = new Map(tensors).set('2.bias', {
      shape: [3],
      data: Float32Array.of(0, Infinity, 0),
    });
    await expectRejection(
      { tensors: spoiled, metadata },
      new DataError('restore: expected finite numbers in 2.bias, got Infinity at 1'),
    );
  });

  it.each([
    ['no position', undefined],
    ['a position that is not JSON', '{'],
    ['a position without a step', '{"seed":0,"batchSize":16,"updatesBefore":0,"lossSum":0}'],
    [
      'a negative step',
      '{"seed":0,"batchSize":16,"updatesBefore":0,"epochsBefore":0,"step":-1,"lossSum":0}',
    ],
    [
      'a loss of null',
      '{"seed":0,"batchSize":16,"updatesBefore":0,"epochsBefore":0,"step":1,"lossSum":null}',
    ],
    ['null for a position', 'null'],
  ])('is rejected with %s', async (_name, position) => {
    const { tensors } = await interrupted(createTrainer(wasm), 6);
    const metadata: Record<string, string> = position === undefined ? {} : { handgrad: position };
    await expectRejection(
      { tensors, metadata },
      new DataError(
        `restore: expected the position of a run in the metadata, got ${position ?? 'none'}; pass what checkpoint() returned`,
      ),
    );
  });

  it('is rejected with a step, but without the data of its run', async () => {
    const { tensors, metadata } = await interrupted(createTrainer(wasm), 6);
    const { data: _, ...position } = JSON.parse(metadata.handgrad);
    await expectRejection(
      { tensors, metadata: { handgrad: JSON.stringify(position) } },
      new DataError(
        `restore: expected the position of a run in the metadata, got ${JSON.stringify(position)}; pass what checkpoint() returned`,
      ),
    );
  });
});

describe('fit with resume', () => {
  const changed = (change: Partial<Dataset>): Dataset => ({ ...train, ...change });
  /** A copy of an array with another value at an index. */
  const withValue = <Values extends Float32Array | Int32Array>(values: Values, index: number) => {
    const copy = values.slice() as Values;
    copy[index] = copy[index] === 0 ? 1 : 0;
    return copy;
  };
  const floats = train.inputs as Float32Array;

  it.each<[string, Dataset]>([
    ['fewer examples', take(train, 49)],
    ['more examples', blobs({ size: 51 })],
    ['other inputs', changed({ inputs: withValue(floats, 77) })],
    ['other labels', changed({ targets: withValue(train.targets as Int32Array, 49) })],
    ['another mean', changed({ normalization: { ...train.normalization, mean: 0.25 } })],
    [
      'another standard deviation',
      changed({ normalization: { ...train.normalization, std: 0.3 } }),
    ],
  ])('refuses data with %s, in the middle of a run and after its end', async (_, other) => {
    for (const updates of [6, 100]) {
      const trainer = createTrainer(wasm);
      await trainer.fit(train, { epochs: EPOCHS, onStep: ({ step }) => step < updates });
      const before = await trainer.state();
      const checkpoint = await trainer.checkpoint();
      const fit = trainer.fit(other, { epochs: EPOCHS, resume: true });
      await expect(fit).rejects.toThrow(
        /^fit: expected resume with the data that the run began with, 50 × \d+, hash [0-9a-f]+, got /,
      );
      expectSameState(await trainer.state(), before);
      const restored = createTrainer(wasm);
      await restored.restore(
        decodeSafetensors(encodeSafetensors(checkpoint.tensors, checkpoint.metadata)),
      );
      await expect(restored.fit(other, { epochs: EPOCHS, resume: true })).rejects.toThrow(
        'fit: expected resume with the data that the run began with, 50',
      );
      // The refusal changes nothing: with its own data the run goes on.
      const { epochs } = await restored.fit(train, { epochs: EPOCHS, resume: true });
      expect(epochs).toHaveLength(updates === 100 ? 0 : 2);
    }
  });

  it('accepts a copy of the data, and the data itself after a change in place', async () => {
    const copy = changed({ inputs: floats.slice(), targets: train.targets.slice() });
    const checkpoint = await interrupted(createTrainer(wasm), 6);
    expect((await resumed(createTrainer(wasm), checkpoint)).epochs).toHaveLength(2);
    const trainer = createTrainer(wasm);
    await trainer.fit(copy, { epochs: EPOCHS, onEpoch: () => false });
    copy.inputs[3] += 1;
    touch(copy);
    const { epochs } = await trainer.fit(copy, { epochs: EPOCHS, resume: true });
    expect(epochs).toHaveLength(2);
  });

  it('accepts the part that validationSplit copies from the same data, and no other', async () => {
    const options = { epochs: EPOCHS, validationSplit: 0.2 };
    const trainer = createTrainer(wasm);
    await trainer.fit(train, { ...options, onEpoch: () => false });
    await expect(trainer.fit(train, { epochs: EPOCHS, resume: true })).rejects.toThrow('40 × ');
    const { epochs } = await trainer.fit(train, { ...options, resume: true });
    expect(epochs).toHaveLength(2);
  });

  it('refuses fewer epochs than the run has done, and returns at once after as many', async () => {
    const checkpoint = await interrupted(createTrainer(wasm), 9);
    const trainer = createTrainer(wasm);
    await expect(resumed(trainer, checkpoint, { epochs: 2 })).rejects.toThrow(
      'fit: expected to resume a run of at most 8 updates, got one after 9; pass more epochs',
    );
    await trainer.fit(train, { epochs: EPOCHS, resume: true });
    const { epochs, examples } = await trainer.fit(train, { epochs: EPOCHS, resume: true });
    expect({ epochs, examples }).toEqual({ epochs: [], examples: 0 });
  });

  it('without a run before begins one', async () => {
    const { epochs } = await createTrainer(wasm).fit(train, { epochs: EPOCHS, resume: true });
    expect(epochs).toHaveLength(EPOCHS);
  });
});
