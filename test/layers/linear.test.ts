import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { formatDescription, linear, normal, zeros } from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { appendLayer } from './append-layer.js';

describe('linear', () => {
  it('has a weight (in, out), which PyTorch stores as (out, in), and a bias (out)', () => {
    const layer = linear(784, 30);
    expect(formatDescription(layer.description)).toBe('linear(784, 30)');
    expect(layer.input).toEqual({ features: 784 });
    const [weight, bias] = layer.parameters;
    expect([weight.name, weight.tensor.shape, weight.pytorchShape]).toEqual([
      'weight',
      [784, 30],
      [30, 784],
    ]);
    expect([bias.name, bias.tensor.shape, bias.pytorchShape]).toEqual(['bias', [30], [30]]);
  });

  it('draws initial weights and biases within ±1/√inputs', () => {
    for (const parameter of linear(400, 50).parameters) {
      const values = parameter.initialValues(new RandomStream(0, 1));
      expect(Math.max(...values.map(Math.abs)), parameter.name).toBeLessThanOrEqual(0.05);
      expect(Math.max(...values.map(Math.abs)), parameter.name).toBeGreaterThan(0.045);
    }
  });

  it('draws initial values by the initializer option', () => {
    const random = () => new RandomStream(0, 1);
    for (const parameter of linear(4, 3, { initializer: zeros() }).parameters) {
      expect(parameter.initialValues(random())).toEqual(new Float32Array(parameter.size));
    }
    const [weight] = linear(4, 3, { initializer: normal({ std: 2 }) }).parameters;
    expect(weight.initialValues(random())).toEqual(normal({ std: 2 })(12, 4, random()));
  });

  it('refuses sizes that are not positive integers', () => {
    expect(() => linear(0, 3)).toThrow(
      new ShapeError('linear: expected inputs to be an integer of at least 1, got 0'),
    );
    expect(() => linear(3, 2.5)).toThrow(
      new ShapeError('linear: expected outputs to be an integer of at least 1, got 2.5'),
    );
    expect(() => linear(NaN, 3)).toThrow(ShapeError);
  });

  it('refuses inputs that are not of shape (B, inputs)', () => {
    const forward = (shape: readonly number[]) => () =>
      linear(784, 10).forward(new Step(), persistent('x', shape));
    expect(forward([5, 30])).toThrow(
      new ShapeError('linear: expected input of shape (B, 784), got (5, 30)'),
    );
    expect(forward([5, 28, 28])).toThrow(
      new ShapeError('linear: expected input of shape (B, 784), got (5, 28, 28); flatten it first'),
    );
  });
});

describeOnEachBackend('linear', (backend) => {
  it('computes its output, and the gradients of weight, bias and input', async () => {
    const layer = linear(2, 3);
    const [weight, bias] = layer.parameters;
    const [x, dy] = [persistent('x', [2, 2]), persistent('dy', [2, 3])];
    const step = new Step();
    const { y, dx } = appendLayer(layer, step, x, dy);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 2, 3, -1]);
      runtime.write(weight.tensor, [1, 2, 3, 4, 5, 6]);
      runtime.write(bias.tensor, [10, 20, 30]);
      runtime.write(dy, [1, 0, 2, -1, 4, 3]);
      // Gradients are assigned: a second run must not add to the first one's.
      await executable.run(2);
      const exactly = { absolute: 0 };
      expectClose('y', await runtime.read(y), [19, 32, 45, 9, 21, 33], exactly);
      expectClose('dW', await runtime.read(weight.gradient), [-2, 12, 11, 3, -4, 1], exactly);
      expectClose('db', await runtime.read(bias.gradient), [0, 4, 5], exactly);
      expectClose('dx', await runtime.read(dx), [7, 16, 16, 34], exactly);
    });
  });
});
