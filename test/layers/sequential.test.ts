import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import {
  averagePool2d,
  batchNorm2d,
  conv2d,
  flatten,
  globalAveragePool,
  linear,
  maxPool2d,
  onImages,
  relu,
  residual,
  sequential,
  sigmoid,
} from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';

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

  it('describes its layers and takes as many features as the first that cares', () => {
    expect(model().description).toBe('linear(4, 3), relu(), linear(3, 2)');
    expect(model().features).toBe(4);
    expect(sequential(sigmoid(), linear(5, 2)).features).toBe(5);
    expect(sequential(sigmoid()).features).toBeUndefined();
  });

  it('takes images where a layer does, whatever number the linear layer behind it takes', () => {
    for (const layer of [conv2d(1, 32, 3), maxPool2d(2), averagePool2d(2), globalAveragePool()]) {
      const model = sequential(relu(), layer, flatten(), linear(800, 10));
      expect([model.features, model.takesImages], layer.description).toEqual([undefined, true]);
    }
    const nested = sequential(residual(sequential(relu(), conv2d(4, 4, 1))), linear(4, 2));
    expect([nested.features, nested.takesImages]).toEqual([undefined, true]);
    const shortcut = sequential(residual(relu(), conv2d(4, 4, 1)), linear(4, 2));
    expect([shortcut.features, shortcut.takesImages]).toEqual([undefined, true]);
  });

  it('takes rows where images are made of them, or a layer leaves their number alone', () => {
    const image = { channels: 1, height: 28, width: 28 };
    for (const model of [
      sequential(onImages(image, sequential(conv2d(1, 2, 28), flatten())), linear(2, 2)),
      sequential(flatten(), linear(784, 10)),
      sequential(batchNorm2d(784), linear(784, 10)),
    ]) {
      expect([model.features, model.takesImages], model.description).toEqual([784, false]);
    }
  });

  it('runs forward through its layers and backward in reverse', () => {
    const step = new Step();
    const layers = model();
    const y = layers.forward(step, persistent('x', [8, 4]));
    expect([y.name, y.shape]).toEqual(['2.y', [8, 2]]);
    const dx = layers.backward(step, persistent('dy', [8, 2]));
    expect([dx.name, dx.shape]).toEqual(['0.dx', [8, 4]]);
    step.keep(y);
    step.keep(dx);
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

  it('does not compute the gradient of the input that nobody reads', () => {
    const step = new Step();
    const layers = model();
    layers.forward(step, persistent('x', [8, 4]));
    layers.backward(step, persistent('dy', [8, 2]));
    const inputs = step.calls.filter(({ op }) => op === 'linearBackwardInput');
    expect(inputs.map(({ tensors }) => tensors.dx.name)).toEqual(['2.dx']);
  });

  it('can be built into many steps, of different batch sizes', () => {
    const layers = model();
    for (const B of [1, 7, 64]) {
      const step = new Step();
      expect(layers.forward(step, persistent('x', [B, 4])).shape).toEqual([B, 2]);
      expect(layers.backward(step, persistent('dy', [B, 2])).shape).toEqual([B, 4]);
    }
  });

  it('refuses to be empty', () => {
    expect(() => sequential()).toThrow(
      new ShapeError('sequential: expected at least one layer, got none'),
    );
  });

  it('refuses a layer that another model has, whose parameters would be shared by accident', () => {
    const shared = linear(4, 4);
    sequential(shared);
    expect(() => sequential(relu(), shared)).toThrow(
      new ShapeError(
        'sequential: expected layers of its own, got linear(4, 4) as layer 1, which a model has already; make another one',
      ),
    );
  });

  it('refuses the same layer twice', () => {
    const twice = linear(4, 4);
    expect(() => sequential(twice, relu(), twice)).toThrow(/got linear\(4, 4\) as layer 2/);
  });

  it('leaves a refused model’s other layers free, with the names they had', () => {
    const [taken, free] = [linear(4, 4), linear(4, 4)];
    sequential(taken);
    expect(() => sequential(free, taken)).toThrow(ShapeError);
    expect(namesOf(sequential(relu(), free))).toEqual(['1.weight', '1.bias']);
  });

  it('says which layer does not take what the one before makes', () => {
    const mismatched = sequential(linear(4, 3), relu(), linear(5, 2));
    expect(() => mismatched.forward(new Step(), persistent('x', [8, 4]))).toThrow(
      new ShapeError('layer 2, linear(5, 2): linear: expected input of shape (B, 5), got (8, 3)'),
    );
  });

  it('says so once, with all numbers, when models are nested', () => {
    const block = residual(sequential(relu(), linear(5, 3)));
    const nested = sequential(relu(), sequential(linear(4, 3), block));
    expect(() => nested.forward(new Step(), persistent('x', [8, 4]))).toThrow(
      new ShapeError(
        'layer 1.1.body.1, linear(5, 3): linear: expected input of shape (B, 5), got (8, 3)',
      ),
    );
  });

  it('leaves errors of another kind as they are', () => {
    const error = new RangeError('no matter why');
    const failing = Object.assign(relu(), {
      forward() {
        throw error;
      },
    });
    expect(() => sequential(failing).forward(new Step(), persistent('x', [8, 4]))).toThrow(error);
  });
});
