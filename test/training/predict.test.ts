import { describe, expect, it } from 'vitest';
import {
  binaryCrossEntropy,
  createBackend,
  DataError,
  type Dataset,
  linear,
  relu,
  ShapeError,
  sequential,
  squaredError,
  TrainingError,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import { blobs, CLASSES, createTrainer, FEATURES, plane } from './fixtures.js';

const wasm = await createBackend('wasm');
const exactReference = await createBackend('reference', { precision: 'float64' });

describeOnEachBackend('predict', (backend) => {
  it('returns probabilities whose largest is the class that evaluate counts', async () => {
    const trainer = createTrainer(backend);
    await trainer.fit(blobs(), { epochs: 3 });
    const dataset = blobs({ size: 700, seed: 1 });
    const p = await trainer.predict(dataset.inputs);
    expect(p).toBeInstanceOf(Float32Array);
    expect(p).toHaveLength(700 * CLASSES);
    let right = 0;
    for (let n = 0; n < 700; n++) {
      const row = [...p.subarray(n * CLASSES, (n + 1) * CLASSES)];
      expectClose(`sum of row ${n}`, [row[0] + row[1] + row[2]], [1], { absolute: 1e-6 });
      if (row.indexOf(Math.max(...row)) === dataset.targets[n]) right++;
    }
    expect((await trainer.evaluate(dataset)).accuracy).toBe(right / 700);
  });

  it('returns the same result for a row alone and among others', async () => {
    const trainer = createTrainer(backend);
    const { inputs } = blobs({ size: 600 });
    const all = await trainer.predict(inputs);
    for (const n of [0, 255, 256, 511, 512, 599]) {
      const alone = await trainer.predict(inputs.subarray(n * FEATURES, (n + 1) * FEATURES));
      const row = all.subarray(n * CLASSES, (n + 1) * CLASSES);
      expectClose(`row ${n}`, row, alone, { absolute: 1e-6 });
    }
  });

  it('normalises bytes like the training data, and uses floats as they are', async () => {
    const trainer = createTrainer(backend);
    const train = blobs({ bytes: true });
    const { mean, std } = train.normalization;
    await trainer.fit(train, { epochs: 1 });
    const floats = Float32Array.from(train.inputs, (byte) => (byte / 255 - mean) / std);
    const [fromBytes, fromFloats] = [
      await trainer.predict(train.inputs),
      await trainer.predict(floats),
    ];
    expectClose('p', fromBytes, fromFloats, { absolute: 1e-6 });
  });

  it('returns the probability of class 1 for a binary loss, and outputs for regression', async () => {
    const [binary, regression] = [
      createTrainer(backend, { model: sequential(linear(2, 1)), loss: binaryCrossEntropy() }),
      createTrainer(backend, { model: sequential(linear(2, 1)), loss: squaredError() }),
    ];
    await regression.loadState(await binary.state());
    const { inputs } = plane({ size: 5 });
    const [p, z] = [await binary.predict(inputs), await regression.predict(inputs)];
    const want = Array.from(z, (logit) => 1 / (1 + Math.exp(-logit)));
    expectClose('p', p, want, { absolute: 1e-6 });
  });
});

describe('predict', () => {
  it('changes neither weights nor its input', async () => {
    const trainer = createTrainer(wasm);
    const before = await trainer.encode();
    const { inputs } = blobs({ size: 10 });
    const copy = inputs.slice();
    const first = await trainer.predict(inputs);
    expect(inputs).toEqual(copy);
    expect(await trainer.encode()).toEqual(before);
    first.fill(0);
    expect((await trainer.predict(inputs))[0]).toBeGreaterThan(0);
  });

  it('returns float64 on a float64 reference', async () => {
    const trainer = createTrainer(exactReference);
    const p = await trainer.predict(blobs({ size: 300 }).inputs);
    expect(p).toBeInstanceOf(Float64Array);
    expectClose('sum of row 299', [p[897] + p[898] + p[899]], [1], { absolute: 1e-15 });
  });

  it('uses the trainer’s normalization option before any fit', async () => {
    const { inputs, normalization } = blobs({ bytes: true });
    const [given, fitted] = [
      createTrainer(wasm, { normalization }),
      createTrainer(wasm, { seed: 1 }),
    ];
    await fitted.fit(blobs({ bytes: true }), { epochs: 1 });
    await fitted.loadState(await given.state());
    expectSameBits('p', await given.predict(inputs), await fitted.predict(inputs));
  });

  it('uses the normalisation of the latest training data', async () => {
    const train = blobs({ bytes: true });
    const other: Dataset = { ...train, normalization: { mean: 0.25, std: 0.5 } };
    const trainer = createTrainer(wasm);
    for (const dataset of [train, other, train]) {
      const { mean, std } = dataset.normalization;
      await trainer.fit(dataset, { epochs: 1 });
      const floats = Float32Array.from(train.inputs, (byte) => (byte / 255 - mean) / std);
      const want = await trainer.predict(floats);
      expectClose('p', await trainer.predict(train.inputs), want, { absolute: 1e-6 });
    }
  });

  it('keeps its normalisation when fit rejects the data', async () => {
    const { inputs, normalization } = blobs({ bytes: true });
    const trainer = createTrainer(wasm, { normalization });
    const before = await trainer.predict(inputs);
    const invalid: Dataset = { ...blobs({ bytes: true }), normalization: { mean: 0, std: 0 } };
    await expect(trainer.fit(invalid, { epochs: 1 })).rejects.toThrow(DataError);
    expectSameBits('p', await trainer.predict(inputs), before);
  });

  it.each([
    [0, 'got 0 numbers'],
    [3, 'got 3 numbers'],
    [FEATURES * 5 + 1, 'got 21 numbers'],
  ])('rejects %s numbers, which are not whole rows', async (length, got) => {
    const trainer = createTrainer(wasm);
    await expect(trainer.predict(new Float32Array(length))).rejects.toThrow(
      new ShapeError(`predict: expected inputs of shape (B, 4), ${got}`),
    );
  });

  it('rejects numbers that are not finite', async () => {
    const trainer = createTrainer(wasm);
    await expect(trainer.predict(Float32Array.of(1, 2, NaN, 4))).rejects.toThrow(
      new DataError('predict: expected finite numbers in inputs, got NaN at 2'),
    );
  });

  it('rejects bytes while no normalisation is known', async () => {
    await expect(createTrainer(wasm).predict(new Uint8Array(FEATURES))).rejects.toThrow(
      new TrainingError(
        'predict: expected a normalisation for bytes, got none; fit first, or pass normalization to the trainer',
      ),
    );
  });

  it('needs a fit first if the model accepts any number of inputs', async () => {
    const trainer = createTrainer(wasm, { model: sequential(relu()) });
    await expect(trainer.predict(new Float32Array(6))).rejects.toThrow(
      new TrainingError(
        'predict: expected a model with a known number of inputs, got one that takes any number; fit first',
      ),
    );
    await trainer.fit(blobs({ classes: 3 }), { epochs: 1 });
    expect(await trainer.predict(new Float32Array(8))).toHaveLength(8);
  });
});
