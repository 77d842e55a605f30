import { describe, expect, it } from 'vitest';
import { createStepState, stateWords } from '../../src/ops/step-state.js';
import { Step } from '../../src/step.js';
import {
  type BatchSource,
  createSource,
  gatherInputs,
  gatherTargets,
  sourceOf,
} from '../../src/training/batch-source.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { blobs, plane } from './fixtures.js';

describe('createSource', () => {
  it('has bytes or floats for inputs, and integers or reals for targets', () => {
    const normalization = { mean: 0.1, std: 0.3 };
    const labels = createSource(10, 4, 'uint8', 'labels', normalization);
    expect(labels.inputs).toMatchObject({ shape: [10, 4], dtype: 'uint8', storage: 'persistent' });
    expect(labels.targets).toMatchObject({ shape: [10], dtype: 'int32', storage: 'persistent' });
    expect(labels.index).toMatchObject({ shape: [10], dtype: 'int32', storage: 'persistent' });
    expect(labels.normalization).toBe(normalization);
    const reals = createSource(10, 4, 'float32', 'reals', normalization);
    expect(reals.inputs.dtype).toBe('float32');
    expect(reals.targets).toMatchObject({ shape: [10, 1], dtype: 'float32' });
    expect(createSource(10, 4, 'float32', 'none', normalization).targets).toBeUndefined();
  });

  it('fits the dataset that it is for', () => {
    expect(sourceOf(blobs({ bytes: true })).inputs.dtype).toBe('uint8');
    expect(sourceOf(blobs()).inputs.dtype).toBe('float32');
    expect(sourceOf(blobs()).targets?.dtype).toBe('int32');
    expect(sourceOf(plane()).targets).toMatchObject({ shape: [100, 1], dtype: 'float32' });
  });
});

describeOnEachBackend('a batch', (backend) => {
  /** Inputs and targets of the batch of three that begins at number `position` of the order. */
  async function gathered(
    source: BatchSource,
    inputs: ArrayLike<number>,
    targets: readonly number[],
    order: readonly number[],
    position: number,
  ) {
    const state = createStepState();
    const step = new Step();
    const x = gatherInputs(step, source, 3, state);
    const t = gatherTargets(step, source, source.targets ?? expect.fail('no targets'), 3, state);
    for (const tensor of [x, t]) step.keep(tensor);
    return backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(source.inputs, inputs);
      if (source.targets) runtime.write(source.targets, targets);
      runtime.write(source.index, order);
      runtime.write(state.state, stateWords(1, position));
      await executable.run(1);
      return { x: await runtime.read(x), t: await runtime.read(t) };
    });
  }

  const order = [4, 2, 0, 3, 1];

  it('has the bytes of its examples normalised, and their labels', async () => {
    const source = createSource(5, 2, 'uint8', 'labels', { mean: 0.2, std: 0.4 });
    const bytes = Uint8Array.from([0, 51, 102, 153, 204, 255, 51, 0, 255, 204]);
    const { x, t } = await gathered(source, bytes, [10, 11, 12, 13, 14], order, 1);
    // byte / 255 is a multiple of 0.2: rows 2, 0 and 3.
    expectClose('x', x, [1.5, 2, -0.5, 0, 0, -0.5], { absolute: 1e-6 });
    expect([...t]).toEqual([12, 10, 13]);
  });

  it('has floats and real targets as they are', async () => {
    const source = createSource(5, 2, 'float32', 'reals', { mean: 9, std: 9 });
    const inputs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const { x, t } = await gathered(source, inputs, [0.5, 1.5, 2.5, 3.5, 4.5], order, 2);
    expect([...x]).toEqual([0, 1, 6, 7, 2, 3]);
    expect([...t]).toEqual([0.5, 3.5, 1.5]);
  });
});
