import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import { flatten, formatDescription } from '../../src/index.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { appendLayer } from './append-layer.js';

describe('flatten', () => {
  it('takes any input and has no parameters', () => {
    const layer = flatten();
    expect(formatDescription(layer.description)).toBe('flatten()');
    expect(layer.input).toBe('any');
    expect(layer.parameters).toEqual([]);
  });

  it('returns rows and their gradient unchanged', () => {
    const [x, dy] = [persistent('x', [5, 12]), persistent('dy', [5, 12])];
    const { y, backward } = flatten().forward(new Step(), x);
    expect(y).toBe(x);
    expect(backward(dy)).toBe(dy);
  });

  it('refuses inputs that are neither images nor rows', () => {
    expect(() => flatten().forward(new Step(), persistent('x', [5, 4, 3]))).toThrow(
      new ShapeError('flatten: expected input of shape (B, H, W, C) or (B, F), got (5, 4, 3)'),
    );
  });
});

describeOnEachBackend('flatten layer', (backend) => {
  it('turns each image into a row, channel by channel, and the gradient back into images', async () => {
    const [layer, step] = [flatten(), new Step()];
    const [x, dy] = [persistent('x', [2, 1, 2, 2]), persistent('dy', [2, 4])];
    const { y, dx } = appendLayer(layer, step, x, dy);
    expect([y.shape, dx.shape]).toEqual([
      [2, 4],
      [2, 1, 2, 2],
    ]);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 2, 3, 4, 5, 6, 7, 8]);
      runtime.write(dy, [1, 2, 3, 4, 5, 6, 7, 8]);
      await executable.run(1);
      expect([...(await runtime.read(y))]).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
      expect([...(await runtime.read(dx))]).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
    });
  });
});
