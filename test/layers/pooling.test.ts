import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { averagePool2d, formatDescription, globalAveragePool, maxPool2d } from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { appendLayer } from './append-layer.js';

describe('maxPool2d', () => {
  it('takes images, has no parameters, and is described by the call that made it', () => {
    const layer = maxPool2d(2);
    expect(layer.input).toBe('images');
    expect(layer.parameters).toEqual([]);
    expect(formatDescription(layer.description)).toBe('maxPool2d(2)');
    expect(formatDescription(maxPool2d(3, { stride: 2, padding: 1 }).description)).toBe(
      'maxPool2d(3, { stride: 2, padding: 1 })',
    );
    expect(formatDescription(maxPool2d([2, 3], { stride: [1, 2] }).description)).toBe(
      'maxPool2d([2, 3], { stride: [1, 2] })',
    );
  });

  it('has the window as its stride by default', () => {
    const outputShape = (...args: Parameters<typeof maxPool2d>) =>
      maxPool2d(...args).forward(new Step(), persistent('x', [5, 14, 14, 64])).y.shape;
    expect(outputShape(2)).toEqual([5, 7, 7, 64]);
    expect(outputShape([2, 7])).toEqual([5, 7, 2, 64]);
    expect(outputShape(3, { stride: 2, padding: 1 })).toEqual([5, 7, 7, 64]);
    expect(outputShape(3, { stride: [1, 2], padding: [1, 0] })).toEqual([5, 14, 6, 64]);
  });

  it('refuses windows, strides and paddings out of range', () => {
    expect(() => maxPool2d(0)).toThrow(
      new ShapeError('maxPool2d: expected kernelHeight to be an integer of at least 1, got 0'),
    );
    expect(() => maxPool2d(2, { stride: 0 })).toThrow(/strideHeight .* at least 1, got 0/);
    expect(() => maxPool2d(3, { padding: 2 })).toThrow(
      'maxPool2d: expected padding of at most half the window, 3 × 3, got 2 × 2',
    );
    expect(() => maxPool2d(17)).toThrow(/a window of at most 256 pixels, got 17 × 17/);
  });

  it('refuses lists that are not pairs', () => {
    expect(() => maxPool2d([2, 2, 2] as never)).toThrow(
      new ShapeError(
        'maxPool2d: expected kernel to be one number or [height, width], got [2, 2, 2]',
      ),
    );
    expect(() => maxPool2d(2, { stride: [2] as never })).toThrow(/expected stride .*, got \[2\]/);
    expect(() => averagePool2d(2, { padding: [] as never })).toThrow(
      /^averagePool2d: expected padding .*, got \[\]/,
    );
  });

  it('refuses images smaller than the window, and inputs that are not images', () => {
    const forward = (shape: readonly number[]) => () =>
      maxPool2d(3).forward(new Step(), persistent('x', shape));
    expect(forward([5, 2, 8, 1])).toThrow(
      new ShapeError(
        'maxPool2d: expected images of at least 3 × 3, as large as the window, got 2 × 8 with the padding',
      ),
    );
    expect(forward([5, 784])).toThrow(
      new ShapeError(
        'maxPool2d: expected input of shape (B, H, W, C), got (5, 784); wrap the model in onImages',
      ),
    );
  });
});

describe('averagePool2d', () => {
  it('is described by the call that made it, and refuses windows out of range', () => {
    const layer = averagePool2d(3, { stride: 2, padding: 1 });
    expect(formatDescription(layer.description)).toBe(
      'averagePool2d(3, { stride: 2, padding: 1 })',
    );
    expect([layer.input, layer.parameters]).toEqual(['images', []]);
    expect(layer.forward(new Step(), persistent('x', [5, 14, 14, 64])).y.shape).toEqual([
      ...[5, 7, 7, 64],
    ]);
    expect(() => averagePool2d(3, { padding: 2 })).toThrow(
      'averagePool2d: expected padding of at most half the window, 3 × 3, got 2 × 2',
    );
    expect(() => layer.forward(new Step(), persistent('x', [5, 784]))).toThrow(
      /^averagePool2d: .*, got \(5, 784\); wrap the model in onImages$/,
    );
    // It keeps no index in a byte, so windows of more than 256 pixels are allowed.
    expect(formatDescription(averagePool2d(20).description)).toBe('averagePool2d(20)');
  });
});

describe('globalAveragePool', () => {
  it('turns images of any size into rows of channel means, and refuses other inputs', () => {
    const layer = globalAveragePool();
    expect(formatDescription(layer.description)).toBe('globalAveragePool()');
    expect([layer.input, layer.parameters]).toEqual(['images', []]);
    expect(layer.forward(new Step(), persistent('x', [5, 7, 3, 64])).y.shape).toEqual([5, 64]);
    expect(() => layer.forward(new Step(), persistent('x', [5, 64]))).toThrow(
      new ShapeError(
        'globalAveragePool: expected input of shape (B, H, W, C), got (5, 64); wrap the model in onImages',
      ),
    );
  });
});

describeOnEachBackend('averages', (backend) => {
  it.each([
    ['averagePool2d', () => averagePool2d([1, 2]), [1, 1, 1, 2]],
    ['globalAveragePool', globalAveragePool, [1, 2]],
  ] as const)('%s computes its output, and the gradient of its input', async (_, make, shape) => {
    const layer = make();
    const [x, dy] = [persistent('x', [1, 1, 2, 2]), persistent('dy', shape)];
    const step = new Step();
    const { y, dx } = appendLayer(layer, step, x, dy);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 2, 3, 8]);
      runtime.write(dy, [6, -4]);
      await executable.run(2);
      expectClose('y', await runtime.read(y), [2, 5], { absolute: 0 });
      expectClose('dx', await runtime.read(dx), [3, -2, 3, -2], { absolute: 0 });
    });
  });
});

describeOnEachBackend('maxPool2d', (backend) => {
  it('computes its output, and the gradient of its input', async () => {
    const layer = maxPool2d(2);
    const [x, dy] = [persistent('x', [1, 2, 4, 2]), persistent('dy', [1, 1, 2, 2])];
    const step = new Step();
    const { y, dx } = appendLayer(layer, step, x, dy);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 8, 2, 7, 5, 0, 3, 0, 4, 5, 3, 6, 1, 0, 5, 1]);
      runtime.write(dy, [10, 20, 30, 40]);
      // Gradients are assigned: a second run must not add to the first one's.
      await executable.run(2);
      const exactly = { absolute: 0 };
      expectClose('y', await runtime.read(y), [4, 8, 5, 1], exactly);
      const want = [0, 20, 0, 0, 30, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 40];
      expectClose('dx', await runtime.read(dx), want, exactly);
    });
  });
});
