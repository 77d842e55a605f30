import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { flatten } from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';

describe('flatten', () => {
  it('takes any number of features and has no parameters', () => {
    const layer = flatten();
    expect(layer.description).toBe('flatten()');
    expect(layer.features).toBeUndefined();
    expect(layer.parameters).toEqual([]);
  });

  it('hands rows, and their gradient, on as they are', () => {
    const [layer, step] = [flatten(), new Step()];
    const [x, dy] = [persistent('x', [5, 12]), persistent('dy', [5, 12])];
    expect(layer.forward(step, x)).toBe(x);
    expect(layer.backward(step, dy)).toBe(dy);
  });

  it('refuses what is neither images nor rows', () => {
    expect(() => flatten().forward(new Step(), persistent('x', [5, 4, 3]))).toThrow(
      new ShapeError('flatten: expected input of shape (B, H, W, C) or (B, F), got (5, 4, 3)'),
    );
  });
});

describeOnEachBackend('flatten layer', (backend) => {
  it('makes a row of each image, channel by channel, and images of the gradient', async () => {
    const [layer, step] = [flatten(), new Step()];
    const [x, dy] = [persistent('x', [2, 1, 2, 2]), persistent('dy', [2, 4])];
    const y = layer.forward(step, x);
    const dx = layer.backward(step, dy);
    for (const result of [y, dx]) step.keep(result);
    expect([y.shape, dx.shape]).toEqual([
      [2, 4],
      [2, 1, 2, 2],
    ]);

    await backend.exclusive(async () => {
      const { device } = backend;
      const executable = await device.compile(step);
      device.write(x, [1, 2, 3, 4, 5, 6, 7, 8]);
      device.write(dy, [1, 2, 3, 4, 5, 6, 7, 8]);
      await executable.run(1);
      expect([...(await device.read(y))]).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
      expect([...(await device.read(dx))]).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
    });
  });
});
