import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { createBackend, layerFrom, layerNorm, linear, sequential } from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import { trainedWeights } from './trained-weights.js';

describe('layerNorm', () => {
  it('has PyTorch’s parameters, starting at γ = 1 and β = 0', () => {
    const layer = layerNorm(3);
    expect(layer.input).toBe('any');
    expect(layer.buffers ?? []).toEqual([]);
    const initial = layer.parameters.map((p) => [
      p.name,
      [...p.initialValues(new RandomStream(0, 0))],
    ]);
    expect(initial).toEqual([
      ['weight', [1, 1, 1]],
      ['bias', [0, 0, 0]],
    ]);
  });

  it('has a description from which it can be rebuilt', () => {
    const { description } = layerNorm(3, { epsilon: 1e-3 });
    expect(description).toEqual({ name: 'layerNorm', options: { features: 3, epsilon: 1e-3 } });
    expect(layerFrom(description).description).toEqual(description);
  });

  it('takes any number of axes in front of the features', () => {
    for (const shape of [
      [5, 3],
      [2, 5, 3],
      [2, 4, 4, 3],
    ]) {
      expect(layerNorm(3).forward(new Step(), persistent('x', shape)).y.shape).toEqual(shape);
    }
  });

  it('refuses arguments out of range, and inputs with another number of features', () => {
    expect(() => layerNorm(0)).toThrow(
      new ShapeError('layerNorm: expected features to be an integer of at least 1, got 0'),
    );
    expect(() => layerNorm(3, { epsilon: -1 })).toThrow(
      new RangeError('layerNorm: expected epsilon to be a finite number of at least 0, got -1'),
    );
    const model = sequential(linear(2, 4), layerNorm(3));
    expect(() => model.forward(new Step(), persistent('x', [5, 2]))).toThrow(
      'layer 1, layerNorm(3): layerNorm: expected input of shape (…, 3), features last, got (5, 4)',
    );
  });

  it('trains, with the same bits on any number of threads', async () => {
    const results = [];
    for (const threads of [1, 2, 3]) {
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const model = sequential(linear(784, 19), layerNorm(19), linear(19, 10));
      results.push(await trainedWeights(backend, model));
    }
    const [first, ...others] = results;
    expect(first.losses[1]).toBeLessThan(first.losses[0] / 2);
    for (const { weights } of others) expectSameBits('weights', weights, first.weights);
  });
});

describeOnEachBackend('layerNorm', (backend) => {
  it('computes its output and gradients', async () => {
    const layer = layerNorm(4, { epsilon: 4 });
    const [weight, bias] = layer.parameters;
    const [x, dy] = [persistent('x', [1, 4]), persistent('dy', [1, 4])];
    const step = new Step();
    const { y, backward } = layer.forward(step, x);
    const dx = backward(dy) as Tensor;
    for (const result of [y, dx]) step.keep(result);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 3, 5, 7]);
      runtime.write(dy, [1, 0, 2, 3]);
      runtime.write(weight.tensor, [3, 6, 1, -2]);
      runtime.write(bias.tensor, [1, 0, -1, 2]);
      await executable.run(1);
      // mean = 4, variance = 5, rstd = 1/3, x̂ = (−1, −⅓, ⅓, 1)
      const near = { absolute: 2e-6 };
      expectClose('y', await runtime.read(y), [-2, -2, -2 / 3, 0], near);
      expectClose('dβ', await runtime.read(bias.gradient), [1, 0, 2, 3], near);
      expectClose('dγ', await runtime.read(weight.gradient), [-1, 0, 2 / 3, 3], near);
      const normalised = [-1, -1 / 3, 1 / 3, 1];
      const want = [3, 0, 2, -6].map((d, c) => (d + 1 / 4 + (normalised[c] * 25) / 12) / 3);
      expectClose('dx', await runtime.read(dx), want, near);
    });
  });
});
