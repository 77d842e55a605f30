import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import {
  conv2d,
  createBackend,
  flatten,
  groupNorm,
  layerFrom,
  linear,
  onImages,
  relu,
  sequential,
} from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import { trainedWeights } from './trained-weights.js';

describe('groupNorm', () => {
  it('has PyTorch’s parameters, starting at γ = 1 and β = 0', () => {
    const layer = groupNorm(2, 4);
    expect(layer.input).toBe('any');
    expect(layer.buffers ?? []).toEqual([]);
    const initial = layer.parameters.map((p) => [
      p.name,
      [...p.initialValues(new RandomStream(0, 0))],
    ]);
    expect(initial).toEqual([
      ['weight', [1, 1, 1, 1]],
      ['bias', [0, 0, 0, 0]],
    ]);
  });

  it('has a description from which it can be rebuilt', () => {
    const { description } = groupNorm(2, 4, { epsilon: 1e-3 });
    expect(description).toEqual({
      name: 'groupNorm',
      options: { groups: 2, channels: 4, epsilon: 1e-3 },
    });
    expect(layerFrom(description).description).toEqual(description);
  });

  it('takes images, rows, and a batch of one', () => {
    for (const shape of [
      [2, 5, 5, 4],
      [1, 1, 1, 4],
      [3, 4],
    ]) {
      expect(groupNorm(2, 4).forward(new Step(), persistent('x', shape)).y.shape).toEqual(shape);
    }
  });

  it('refuses arguments out of range, and inputs with another number of channels', () => {
    expect(() => groupNorm(0, 4)).toThrow(
      new ShapeError('groupNorm: expected groups to be an integer of at least 1, got 0'),
    );
    expect(() => groupNorm(3, 4)).toThrow(
      new ShapeError('groupNorm: expected channels to be a multiple of groups, got 4 and 3'),
    );
    expect(() => groupNorm(2, 4, { epsilon: Number.NaN })).toThrow(RangeError);
    const model = sequential(conv2d(1, 6, 3), groupNorm(2, 4));
    expect(() => model.forward(new Step(), persistent('x', [5, 4, 4, 1]))).toThrow(
      'layer 1, groupNorm(2, 4): groupNorm: expected gamma of shape (6), got (4)',
    );
  });

  it('trains, with the same bits on any number of threads', async () => {
    const image = { channels: 1, height: 28, width: 28 };
    const results = [];
    for (const threads of [1, 2, 3]) {
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const model = onImages(
        image,
        sequential(
          ...[conv2d(1, 6, 5, { stride: 3 }), groupNorm(3, 6), relu()],
          ...[flatten(), linear(384, 10)],
        ),
      );
      results.push(await trainedWeights(backend, model));
    }
    const [first, ...others] = results;
    expect(first.losses[1]).toBeLessThan(first.losses[0] / 2);
    for (const { weights } of others) expectSameBits('weights', weights, first.weights);
  });
});

describeOnEachBackend('groupNorm', (backend) => {
  it('computes its output and gradients', async () => {
    const layer = groupNorm(2, 4, { epsilon: 4 });
    const [weight, bias] = layer.parameters;
    const [x, dy] = [persistent('x', [1, 1, 2, 4]), persistent('dy', [1, 1, 2, 4])];
    const step = new Step();
    const { y, backward } = layer.forward(step, x);
    const dx = backward(dy) as Tensor;
    for (const result of [y, dx]) step.keep(result);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      // The first group has mean 4 and variance 5; the second has variance 0.
      runtime.write(x, [1, 3, 9, 9, 5, 7, 9, 9]);
      runtime.write(dy, [1, 0, 1, 2, 2, 3, -1, 4]);
      runtime.write(weight.tensor, [3, 6, 4, 2]);
      runtime.write(bias.tensor, [1, 0, -1, 2]);
      await executable.run(1);
      const near = { absolute: 2e-6 };
      expectClose('y', await runtime.read(y), [-2, -2, -1, 2, 2, 6, -1, 2], near);
      expectClose('dβ', await runtime.read(bias.gradient), [3, 3, 0, 6], near);
      expectClose('dγ', await runtime.read(weight.gradient), [-1 / 3, 3, 0, 0], near);
      // First group: dx̂ = (3, 0, 6, 18), x̂ = (−1, −⅓, ⅓, 1), mean(dx̂) = 27/4, mean(dx̂ x̂) = 17/4.
      // Second: dx̂ = (4, 4, −4, 8), mean(dx̂) = 3.
      const first = [3, 0, 6, 18].map((d, i) => (d - 27 / 4 - ((2 * i - 3) * 17) / 12) / 3);
      const second = [4, 4, -4, 8].map((d) => (d - 3) / 2);
      const want = [0, 2].flatMap((i) => [...first.slice(i, i + 2), ...second.slice(i, i + 2)]);
      expectClose('dx', await runtime.read(dx), want, near);
    });
  });
});
