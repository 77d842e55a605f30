import { describe, expect, it } from 'vitest';
import {
  adam,
  type Backend,
  batchNorm2d,
  createBackend,
  decodeSafetensors,
  linear,
  relu,
  ShapeError,
  type State,
  sequential,
  sgd,
  TrainingError,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import {
  blobs,
  CLASSES,
  createTrainer,
  examplesOf,
  expectSameState,
  FEATURES,
} from './fixtures.js';

const wasm = await createBackend('wasm');
// 4 steps per epoch, the last with 2 examples.
const train = blobs({ size: 50 });
const HIDDEN = 8;

const network = () =>
  sequential(linear(FEATURES, HIDDEN), batchNorm2d(HIDDEN), relu(), linear(HIDDEN, CLASSES));

const create = (backend: Backend) =>
  createTrainer(backend, { model: network(), optimizer: adam({ learningRate: 0.05 }), seed: 3 });

/** A trainer whose model only normalises, so that its statistics are those of the data. */
const normalising = (backend: Backend, batchSize = 50) =>
  createTrainer(backend, {
    model: sequential(batchNorm2d(FEATURES)),
    optimizer: sgd({ learningRate: 1e-30 }),
    batchSize,
  });

const runningOf = (state: State) =>
  ['running_mean', 'running_var'].map((name) => state.get(`0.${name}`)?.data ?? []);

/** Mean and unbiased variance of each feature. */
function momentsOf({ inputs, size }: typeof train) {
  const columns = Array.from({ length: FEATURES }, (_, f) =>
    Array.from({ length: size }, (_, n) => inputs[n * FEATURES + f]),
  );
  const means = columns.map((column) => column.reduce((sum, x) => sum + x, 0) / size);
  const variances = columns.map(
    (column, f) => column.reduce((sum, x) => sum + (x - means[f]) ** 2, 0) / (size - 1),
  );
  return { means, variances };
}

describeOnEachBackend('training with batch normalisation', (backend) => {
  it('lists running statistics after the parameters of their layer, as PyTorch does', async () => {
    const state = await create(backend).state();
    const names = ['weight', 'bias', 'running_mean', 'running_var'].map((name) => `1.${name}`);
    expect([...state.keys()]).toEqual(['0.weight', '0.bias', ...names, '3.weight', '3.bias']);
    expect([...(state.get('1.running_mean')?.data ?? [])]).toEqual(Array(HIDDEN).fill(0));
    expect([...(state.get('1.running_var')?.data ?? [])]).toEqual(Array(HIDDEN).fill(1));
    expect(create(backend).parameterCount).toBe(4 * 8 + 8 + 2 * 8 + 8 * 3 + 3);
  });

  it('moves running statistics towards those of the batches', async () => {
    const trainer = normalising(backend);
    const { means, variances } = momentsOf(train);
    await trainer.fit(train, { epochs: 2 });
    const [mean, variance] = runningOf(await trainer.state());
    const near = { absolute: 1e-5 };
    // Two steps of momentum 0.1 cover 1 − 0.9² of the distance.
    expectClose(
      'mean',
      mean,
      means.map((value) => 0.19 * value),
      near,
    );
    expectClose(
      'variance',
      variance,
      variances.map((value) => 0.81 + 0.19 * value),
      near,
    );
  });

  it('evaluates and predicts with the running statistics, without changing them', async () => {
    const trainer = normalising(backend);
    const state = await trainer.state();
    state.set('0.running_mean', { shape: [4], data: Float32Array.of(1, 2, 3, 4) });
    state.set('0.running_var', { shape: [4], data: new Float32Array(4).fill(4 - 1e-5) });
    await trainer.loadState(state);
    // Only the first example has unequal logits: softmax of x̂ = (6, 0, 0, 0).
    const e = Math.exp(6);
    const want = [e, 1, 1, 1].map((value) => value / (e + 3));
    await trainer.evaluate(train);
    const predictions = await trainer.predict(Float32Array.of(13, 2, 3, 4, 1, 2, 3, 4));
    const near = { absolute: 1e-6 };
    expectClose('p', predictions, [...want, 0.25, 0.25, 0.25, 0.25], near);
    expectSameState(await trainer.state(), state);
  });

  it('computes gradients with the batch’s statistics, without changing running statistics', async () => {
    const trainer = normalising(backend);
    const { inputs, targets } = examplesOf(train, [0, 1, 2, 3, 4, 5]);
    await trainer.evaluate(train);
    const before = await trainer.state();
    const { gradients } = await trainer.gradients(inputs, targets);
    expectSameState(await trainer.state(), before);
    // Batch statistics cancel a shift of the inputs; running statistics would not.
    const shifted = await trainer.gradients(inputs.map((x) => x + 8) as Float32Array, targets);
    for (const [name, gradient] of gradients) {
      expectClose(name, shifted.gradients.get(name) ?? [], gradient, { absolute: 1e-5 });
    }
  });

  it('resumes from a checkpoint with the same result as an uninterrupted run, bit for bit', async () => {
    const whole = create(backend);
    await whole.fit(train, { epochs: 3 });
    for (const updates of [1, 4, 6, 11]) {
      const stopped = create(backend);
      await stopped.fit(train, { epochs: 3, onStep: ({ step }) => step < updates });
      const trainer = create(backend);
      await trainer.restore(await stopped.checkpoint());
      await trainer.fit(train, { epochs: 3, resume: true });
      expectSameState(await trainer.state(), await whole.state());
    }
  });

  it('learns, and classifies correctly with running statistics', async () => {
    const trainer = create(backend);
    await trainer.fit(blobs({ size: 192 }), { epochs: 30 });
    const { accuracy } = await trainer.evaluate(blobs({ size: 60, seed: 1 }));
    expect(accuracy).toBeGreaterThan(0.85);
  });
});

describe('a trainer with batch normalisation', () => {
  it('rejects a last batch of one example before the first step', async () => {
    const trainer = create(wasm);
    const before = await trainer.state();
    await expect(trainer.fit(blobs({ size: 49 }), { epochs: 1 })).rejects.toThrow(
      new ShapeError(
        'layer 1, batchNorm2d(8): batchNorm: expected more than one value per channel to train on, got (1, 8); choose a batch size that leaves no batch of one',
      ),
    );
    expectSameState(await trainer.state(), before);
    await trainer.fit(train, { epochs: 1 });
  });

  it('restores the running statistics of the last good weights after a divergence', async () => {
    const make = () =>
      createTrainer(wasm, {
        model: sequential(linear(FEATURES, 2), batchNorm2d(2), linear(2, CLASSES)),
        // The weights grow tenfold with every update.
        optimizer: sgd({ learningRate: 110, weightDecay: 0.1 }),
      });
    const failing = make();
    const error = await failing.fit(train, { epochs: 100 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TrainingError);
    const updates = Number(/at step (\d+)/.exec(String(error))?.[1]) - 2;
    expect(updates).toBeGreaterThan(0);
    const stopped = make();
    await stopped.fit(train, { epochs: 100, onStep: ({ step }) => step < updates });
    expectSameState(await failing.state(), await stopped.state());
  });

  it('loads a file with PyTorch’s num_batches_tracked', async () => {
    const entries: [string, string, number[], ArrayBuffer][] = [
      ['0.weight', 'F32', [4], Float32Array.of(1, 2, 3, 4).buffer],
      ['0.bias', 'F32', [4], Float32Array.of(5, 6, 7, 8).buffer],
      ['0.running_mean', 'F32', [4], Float32Array.of(9, 10, 11, 12).buffer],
      ['0.running_var', 'F32', [4], Float32Array.of(13, 14, 15, 16).buffer],
      ['0.num_batches_tracked', 'I64', [], BigInt64Array.of(938n).buffer],
    ];
    const file = fileOf(entries);
    const trainer = normalising(wasm);
    await trainer.decode(file);
    const state = await trainer.state();
    expect([...state.keys()]).toEqual(entries.slice(0, 4).map(([name]) => name));
    for (const [name, , , values] of entries.slice(0, 4)) {
      expectSameBits(name, state.get(name)?.data ?? [], new Float32Array(values));
    }
    // Its own files have no counter, and load with the same result.
    const written = await trainer.encode();
    expect([...decodeSafetensors(written).tensors.keys()]).toEqual([...state.keys()]);
    const other = normalising(wasm);
    await other.decode(written);
    expectSameState(await other.state(), state);
  });

  it('rejects num_batches_tracked of a layer without running statistics', async () => {
    const trainer = createTrainer(wasm);
    const state = await trainer.state();
    state.set('0.num_batches_tracked', { shape: [], data: Float32Array.of(1) });
    await expect(trainer.loadState(state)).rejects.toThrow(/got .*, 0.num_batches_tracked$/);
  });

  it('rejects a state without running statistics', async () => {
    const trainer = normalising(wasm);
    const state = await trainer.state();
    state.delete('0.running_var');
    await expect(trainer.loadState(state)).rejects.toThrow(
      'loadState: expected tensors 0.weight, 0.bias, 0.running_mean, 0.running_var, got 0.weight, 0.bias, 0.running_mean',
    );
  });
});

/** A safetensors file with this header and these values. */
function fileOf(entries: readonly [string, string, number[], ArrayBuffer][]): Uint8Array {
  let end = 0;
  const header = entries.map(([name, dtype, shape, values]) => {
    const begin = end;
    end += values.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  const parts = [length, text, ...entries.map(([, , , values]) => new Uint8Array(values))];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
