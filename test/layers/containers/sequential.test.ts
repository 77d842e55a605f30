import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.js';
import {
  averagePool2d,
  batchNorm2d,
  conv2d,
  flatten,
  formatDescription,
  globalAveragePool,
  linear,
  maxPool2d,
  onImages,
  relu,
  residual,
  sequential,
  sigmoid,
} from '../../../src/index.js';
import { Step } from '../../../src/step.js';
import { persistent } from '../../../src/tensor.js';
import { appendLayer } from '../append-layer.js';

const model = () => sequential(linear(4, 3), relu(), linear(3, 2));
const namesOf = ({ parameters }: ReturnType<typeof model>) => parameters.map(({ name }) => name);

describe('sequential', () => {
  it('names parameters after their layer’s number, as PyTorch does', () => {
    expect(namesOf(model())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(model().parameters[2].gradient.name).toBe('d(2.weight)');
  });

  it('puts the outer number before the inner one when models are nested', () => {
    const nested = sequential(sequential(linear(4, 3), relu()), sequential(linear(3, 2)));
    expect(namesOf(nested)).toEqual(['0.0.weight', '0.0.bias', '1.0.weight', '1.0.bias']);
  });

  it('is described by its layers, and takes the input of the first that restricts it', () => {
    expect(formatDescription(model().description)).toBe(
      'sequential(linear(4, 3), relu(), linear(3, 2))',
    );
    expect(model().input).toEqual({ features: 4 });
    expect(sequential(sigmoid(), linear(5, 2)).input).toEqual({ features: 5 });
    expect(sequential(sigmoid()).input).toBe('any');
  });

  it('takes images if its first restricted layer does, even with a linear layer after it', () => {
    for (const layer of [conv2d(1, 32, 3), maxPool2d(2), averagePool2d(2), globalAveragePool()]) {
      const model = sequential(relu(), layer, flatten(), linear(800, 10));
      expect(model.input, layer.description.name).toBe('images');
    }
    const nested = sequential(residual(sequential(relu(), conv2d(4, 4, 1))), linear(4, 2));
    expect(nested.input).toBe('images');
    const shortcut = sequential(residual(relu(), conv2d(4, 4, 1)), linear(4, 2));
    expect(shortcut.input).toBe('images');
  });

  it('takes rows behind onImages, and through layers that take any input', () => {
    const image = { channels: 1, height: 28, width: 28 };
    for (const model of [
      sequential(onImages(image, sequential(conv2d(1, 2, 28), flatten())), linear(2, 2)),
      sequential(flatten(), linear(784, 10)),
      sequential(batchNorm2d(784), linear(784, 10)),
    ]) {
      expect(model.input, formatDescription(model.description)).toEqual({ features: 784 });
    }
  });

  it('runs forward through its layers and backward in reverse', () => {
    const step = new Step();
    const [x, dy] = [persistent('x', [8, 4]), persistent('dy', [8, 2])];
    const { y, dx } = appendLayer(model(), step, x, dy);
    expect([y.name, y.shape]).toEqual(['2.y', [8, 2]]);
    expect([dx.name, dx.shape]).toEqual(['0.dx', [8, 4]]);
    expect(step.calls.map(({ op }) => op)).toEqual([
      'linearForward',
      'reluForward',
      'linearForward',
      'linearBackwardWeight',
      'linearBackwardBias',
      'linearBackwardInput',
      'reluBackward',
      'linearBackwardWeight',
      'linearBackwardBias',
      'linearBackwardInput',
    ]);
  });

  it('names gradients after the activation they belong to, and drops that of the input', () => {
    const step = new Step();
    const { backward } = model().forward(step, persistent('x', [8, 4]));
    backward(persistent('dy', [8, 2]));
    const gradients = step.calls.flatMap(({ op, tensors: { dx } }) => (dx ? [[op, dx.name]] : []));
    expect(gradients).toEqual([
      ['linearBackwardInput', 'd(1.y)'],
      ['reluBackward', 'd(0.y)'],
    ]);
  });

  it('can be appended to many steps, of different batch sizes', () => {
    const layers = model();
    for (const B of [1, 7, 64]) {
      const [x, dy] = [persistent('x', [B, 4]), persistent('dy', [B, 2])];
      const { y, dx } = appendLayer(layers, new Step(), x, dy);
      expect([y.shape, dx.shape]).toEqual([
        [B, 2],
        [B, 4],
      ]);
    }
  });

  it('refuses to be empty', () => {
    expect(() => sequential()).toThrow(
      new ShapeError('sequential: expected at least one layer, got none'),
    );
  });

  it('refuses a layer that another model owns: its gradients would be overwritten', () => {
    const shared = linear(4, 4);
    sequential(shared);
    expect(() => sequential(relu(), shared)).toThrow(
      new ShapeError(
        'sequential: expected layers that belong to no model yet, got linear(4, 4) as layer 1, which already does; create another one',
      ),
    );
  });

  it('refuses the same layer twice', () => {
    const twice = linear(4, 4);
    expect(() => sequential(twice, relu(), twice)).toThrow(/got linear\(4, 4\) as layer 2/);
  });

  it('leaves the other layers of a refused model free, with the names they had', () => {
    const [taken, free] = [linear(4, 4), linear(4, 4)];
    sequential(taken);
    expect(() => sequential(free, taken)).toThrow(ShapeError);
    expect(namesOf(sequential(relu(), free))).toEqual(['1.weight', '1.bias']);
  });

  it('names the layer that does not take the output of the one before it', () => {
    const mismatched = sequential(linear(4, 3), relu(), linear(5, 2));
    expect(() => mismatched.forward(new Step(), persistent('x', [8, 4]))).toThrow(
      new ShapeError('layer 2, linear(5, 2): linear: expected input of shape (B, 5), got (8, 3)'),
    );
  });

  it('names the full path of that layer once when models are nested', () => {
    const block = residual(sequential(relu(), linear(5, 3)));
    const nested = sequential(relu(), sequential(linear(4, 3), block));
    expect(() => nested.forward(new Step(), persistent('x', [8, 4]))).toThrow(
      new ShapeError(
        'layer 1.1.body.1, linear(5, 3): linear: expected input of shape (B, 5), got (8, 3)',
      ),
    );
  });

  it('passes other errors on unchanged', () => {
    const error = new RangeError('no matter why');
    const failing = Object.assign(relu(), {
      forward() {
        throw error;
      },
    });
    expect(() => sequential(failing).forward(new Step(), persistent('x', [8, 4]))).toThrow(error);
  });
});
