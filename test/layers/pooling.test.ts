import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { averagePool2d, globalAveragePool, maxPool2d } from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';

describe('maxPool2d', () => {
  it('takes any number of features, has no parameters, and is described as it was written', () => {
    const layer = maxPool2d(2);
    expect(layer.features).toBeUndefined();
    expect(layer.parameters).toEqual([]);
    expect(layer.description).toBe('maxPool2d(2)');
    expect(maxPool2d(3, { stride: 2, padding: 1 }).description).toBe(
      'maxPool2d(3, { stride: 2, padding: 1 })',
    );
    expect(maxPool2d([2, 3], { stride: [1, 2] }).description).toBe(
      'maxPool2d([2, 3], { stride: [1, 2] })',
    );
  });

  it('moves by the whole window unless it is told a stride', () => {
    const outputShape = (...args: Parameters<typeof maxPool2d>) =>
      maxPool2d(...args).forward(new Step(), persistent('x', [5, 14, 14, 64])).shape;
    expect(outputShape(2)).toEqual([5, 7, 7, 64]);
    expect(outputShape([2, 7])).toEqual([5, 7, 2, 64]);
    expect(outputShape(3, { stride: 2, padding: 1 })).toEqual([5, 7, 7, 64]);
    expect(outputShape(3, { stride: [1, 2], padding: [1, 0] })).toEqual([5, 14, 6, 64]);
  });

  it('refuses windows that cannot be', () => {
    expect(() => maxPool2d(0)).toThrow(
      new ShapeError('maxPool2d: expected kernelHeight to be an integer of at least 1, got 0'),
    );
    expect(() => maxPool2d(2, { stride: 0 })).toThrow(/strideHeight .* at least 1, got 0/);
    expect(() => maxPool2d(3, { padding: 2 })).toThrow(
      'maxPool2d: expected padding of at most half the window, 3 × 3, got 2 × 2',
    );
    expect(() => maxPool2d(17)).toThrow(/a window of at most 256 pixels, got 17 × 17/);
  });

  it('refuses lists that are no pairs', () => {
    expect(() => maxPool2d([2, 2, 2] as never)).toThrow(
      new ShapeError('maxPool2d: expected kernel to be one number or [height, width], got [2,2,2]'),
    );
    expect(() => maxPool2d(2, { stride: [2] as never })).toThrow(/expected stride .*, got \[2\]/);
    expect(() => averagePool2d(2, { padding: [] as never })).toThrow(
      /^averagePool2d: expected padding .*, got \[\]/,
    );
  });

  it('refuses images smaller than the window, and what is no image', () => {
    const forward = (shape: readonly number[]) => () =>
      maxPool2d(3).forward(new Step(), persistent('x', shape));
    expect(forward([5, 2, 8, 1])).toThrow(
      new ShapeError(
        'maxPool2d: expected images of at least 3 × 3, as large as the window, got 2 × 8 with the padding',
      ),
    );
    expect(forward([5, 784])).toThrow(
      new ShapeError(
        'maxPool2d: expected input of shape (B, H, W, C), got (5, 784); make images of it first, by onImages',
      ),
    );
  });
});

describe('averagePool2d', () => {
  it('is described as it was written, and refuses windows that cannot be', () => {
    const layer = averagePool2d(3, { stride: 2, padding: 1 });
    expect(layer.description).toBe('averagePool2d(3, { stride: 2, padding: 1 })');
    expect([layer.features, layer.parameters]).toEqual([undefined, []]);
    expect(layer.forward(new Step(), persistent('x', [5, 14, 14, 64])).shape).toEqual([
      ...[5, 7, 7, 64],
    ]);
    expect(() => averagePool2d(3, { padding: 2 })).toThrow(
      'averagePool2d: expected padding of at most half the window, 3 × 3, got 2 × 2',
    );
    expect(() => layer.forward(new Step(), persistent('x', [5, 784]))).toThrow(
      /^averagePool2d: .*, got \(5, 784\); make images of it first, by onImages$/,
    );
    // There is no index whose bytes a large window could exceed.
    expect(averagePool2d(20).description).toBe('averagePool2d(20)');
  });
});

describe('globalAveragePool', () => {
  it('makes of images a matrix, whatever their extents, and refuses what is no image', () => {
    const layer = globalAveragePool();
    expect(layer.description).toBe('globalAveragePool()');
    expect([layer.features, layer.parameters]).toEqual([undefined, []]);
    expect(layer.forward(new Step(), persistent('x', [5, 7, 3, 64])).shape).toEqual([5, 64]);
    expect(() => layer.forward(new Step(), persistent('x', [5, 64]))).toThrow(
      new ShapeError(
        'globalAveragePool: expected input of shape (B, H, W, C), got (5, 64); make images of it first, by onImages',
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
    const y = layer.forward(step, x);
    const dx = layer.backward(step, dy);
    for (const result of [y, dx]) step.keep(result);

    await backend.exclusive(async () => {
      const { device } = backend;
      const executable = await device.compile(step);
      device.write(x, [1, 2, 3, 8]);
      device.write(dy, [6, -4]);
      await executable.run(2);
      expectClose('y', await device.read(y), [2, 5], { absolute: 0 });
      expectClose('dx', await device.read(dx), [3, -2, 3, -2], { absolute: 0 });
    });
  });
});

describeOnEachBackend('maxPool2d', (backend) => {
  it('computes its output, and the gradient of its input', async () => {
    const layer = maxPool2d(2);
    const [x, dy] = [persistent('x', [1, 2, 4, 2]), persistent('dy', [1, 1, 2, 2])];
    const step = new Step();
    const y = layer.forward(step, x);
    const dx = layer.backward(step, dy);
    for (const result of [y, dx]) step.keep(result);

    await backend.exclusive(async () => {
      const { device } = backend;
      const executable = await device.compile(step);
      device.write(x, [1, 8, 2, 7, 5, 0, 3, 0, 4, 5, 3, 6, 1, 0, 5, 1]);
      device.write(dy, [10, 20, 30, 40]);
      // Gradients are assigned: a second run must not add to the first one's.
      await executable.run(2);
      const exactly = { absolute: 0 };
      expectClose('y', await device.read(y), [4, 8, 5, 1], exactly);
      const want = [0, 20, 0, 0, 30, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 40];
      expectClose('dx', await device.read(dx), want, exactly);
    });
  });
});
