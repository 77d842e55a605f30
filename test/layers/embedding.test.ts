import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { embedding, type Layer, layerFrom, linear, sequential, zeros } from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';

const tokens = (...shape: number[]) => persistent('t', shape, 'int32');

describe('embedding', () => {
  it('has PyTorch’s parameter, starting at standard normal numbers', () => {
    const layer = embedding(100, 50);
    expect(layer.input).toBe('tokens');
    expect(layer.parameters.map(({ name, pytorchShape }) => [name, pytorchShape])).toEqual([
      ['weight', [100, 50]],
    ]);
    const values = layer.parameters[0].initialValues(new RandomStream(0, 0));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(values.length).toBe(5000);
    // Standard errors are 0.014 and 0.02.
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(variance - 1)).toBeLessThan(0.08);
  });

  it('has a description from which it can be rebuilt', () => {
    expect(embedding(5, 3).description).toEqual({
      name: 'embedding',
      options: { count: 5, features: 3 },
    });
    const { description } = embedding(5, 3, { initializer: zeros() });
    const rebuilt = layerFrom(description);
    expect(rebuilt.description).toEqual(description);
    const initial = rebuilt.parameters[0].initialValues(new RandomStream(0, 0));
    expect([...initial]).toEqual(Array(15).fill(0));
  });

  it('takes batches of integers and of sequences', () => {
    expect(embedding(5, 3).forward(new Step(), tokens(4)).y.shape).toEqual([4, 3]);
    expect(embedding(5, 3).forward(new Step(), tokens(4, 7)).y.shape).toEqual([4, 7, 3]);
  });

  it('refuses arguments out of range, and inputs that are not integers', () => {
    expect(() => embedding(0, 3)).toThrow(
      new ShapeError('embedding: expected count to be an integer of at least 1, got 0'),
    );
    expect(() => embedding(5, 1.5)).toThrow(
      new ShapeError('embedding: expected features to be an integer of at least 1, got 1.5'),
    );
    expect(() => embedding(5, 3).forward(new Step(), persistent('x', [4]))).toThrow(
      'embeddingForward: expected t of type int32, got float32',
    );
  });

  it('returns no gradient, so it must be the first layer', () => {
    const step = new Step();
    const { backward } = embedding(5, 3).forward(step, tokens(4));
    expect(backward(persistent('dy', [4, 3]))).toBeUndefined();
    const identity: Layer = {
      description: { name: 'identity', options: {} },
      input: 'any',
      parameters: [],
      forward: (_, x) => ({ y: x, backward: (dy) => dy }),
    };
    const model = sequential(identity, embedding(5, 3));
    const second = model.forward(new Step(), tokens(4));
    expect(() => second.backward(persistent('dy', [4, 3]))).toThrow(
      'embedding: expected a layer that passes gradients on, got one that takes integers; put it first',
    );
  });
});

describeOnEachBackend('embedding', (backend) => {
  it('computes its output and gradient, in front of other layers', async () => {
    const model = sequential(embedding(3, 2), linear(2, 1));
    expect(model.input).toBe('tokens');
    const [table, weight, bias] = model.parameters;
    const [t, dy] = [tokens(4), persistent('dy', [4, 1])];
    const step = new Step();
    const { y, backward } = model.forward(step, t);
    expect(backward(dy)).toBeUndefined();
    step.keep(y);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(t, [2, 0, 2, 2]);
      runtime.write(dy, [1, 2, 3, 4]);
      runtime.write(table.tensor, [1, 2, 3, 4, 5, 6]);
      runtime.write(weight.tensor, [10, 1]);
      runtime.write(bias.tensor, [100]);
      await executable.run(1);
      const near = { relative: 1e-6 };
      expectClose('y', await runtime.read(y), [156, 112, 156, 156], near);
      expectClose('dW', await runtime.read(table.gradient), [20, 2, 0, 0, 80, 8], near);
      expectClose('dw', await runtime.read(weight.gradient), [42, 52], near);
    });
  });
});
