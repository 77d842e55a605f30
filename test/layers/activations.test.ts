import { describe, expect, it } from 'vitest';
import { formatDescription, gelu, leakyRelu, relu, sigmoid, tanh } from '../../src/index.js';
import { density, distribution } from '../../src/ops/gelu.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { appendLayer } from './append-layer.js';

const LAYERS = { relu, leakyRelu, gelu, sigmoid, tanh };
const DESCRIPTIONS = {
  relu: 'relu()',
  leakyRelu: 'leakyRelu()',
  gelu: 'gelu()',
  sigmoid: 'sigmoid()',
  tanh: 'tanh()',
};

describe.each(Object.entries(LAYERS))('%s', (name, make) => {
  it('takes any input and has no parameters', () => {
    const layer = make();
    expect(formatDescription(layer.description)).toBe(DESCRIPTIONS[name as keyof typeof LAYERS]);
    expect(layer.input).toBe('any');
    expect(layer.parameters).toEqual([]);
    expect(layer.forward(new Step(), persistent('x', [5, 4, 3])).y.shape).toEqual([5, 4, 3]);
  });
});

describe('leakyRelu', () => {
  it('refuses a slope that is negative, infinite or not a number', () => {
    for (const negativeSlope of [-0.1, Infinity, Number.NaN]) {
      expect(() => leakyRelu({ negativeSlope })).toThrow(
        new RangeError(
          `leakyRelu: expected negativeSlope to be a finite number of at least 0, got ${negativeSlope}`,
        ),
      );
    }
    expect(formatDescription(leakyRelu({ negativeSlope: 0.2 }).description)).toBe(
      'leakyRelu({ negativeSlope: 0.2 })',
    );
  });
});

describeOnEachBackend('activation layers', (backend) => {
  const logistic = (x: number) => 1 / (1 + Math.exp(-x));
  const functions = {
    relu: [(x: number) => Math.max(x, 0), (x: number) => (x > 0 ? 1 : 0)],
    leakyRelu: [(x: number) => Math.max(x, 0.01 * x), (x: number) => (x > 0 ? 1 : 0.01)],
    gelu: [(x: number) => x * distribution(x), (x: number) => distribution(x) + x * density(x)],
    sigmoid: [logistic, (x: number) => logistic(x) * (1 - logistic(x))],
    tanh: [Math.tanh, (x: number) => 1 - Math.tanh(x) ** 2],
  } as const;

  it.each(['relu', 'leakyRelu', 'gelu', 'sigmoid', 'tanh'] as const)(
    '%s computes its function, and dx from its derivative',
    async (name) => {
      const [f, derivative] = functions[name];
      const inputs = [-3, -0.5, 0.25, 1, 2];
      const gradients = [1, -2, 0.5, 3, -1];
      const layer = LAYERS[name]();
      const step = new Step();
      const [x, dy] = [persistent('x', [1, 5]), persistent('dy', [1, 5])];
      const { y, dx } = appendLayer(layer, step, x, dy);

      await backend.exclusive(async () => {
        const { runtime } = backend;
        const executable = await runtime.compile(step);
        runtime.write(x, inputs);
        runtime.write(dy, gradients);
        await executable.run(1);
        const near = { absolute: 1e-6 };
        expectClose('y', await runtime.read(y), inputs.map(f), near);
        const want = inputs.map((value, i) => gradients[i] * derivative(value));
        expectClose('dx', await runtime.read(dx), want, near);
      });
    },
  );
});
