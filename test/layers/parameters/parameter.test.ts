import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.js';
import { kaimingUniform, normal, zeros } from '../../../src/layers/parameters/initializers.js';
import { Parameter } from '../../../src/layers/parameters/parameter.js';
import { RandomStream } from '../../../src/random/threefry.js';
import { sizeOf } from '../../../src/tensor.js';
import { expectClose } from '../../values.js';

const options = { fanIn: 4, initializer: zeros() };

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

function standardDeviation(values: ArrayLike<number>): number {
  const middle = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - middle) ** 2)));
}

describe('Parameter', () => {
  it('is a persistent tensor with a gradient of the same shape', () => {
    const parameter = new Parameter('weight', [2, 3], options);
    expect(parameter.size).toBe(6);
    expect(parameter.tensor).toMatchObject({
      name: 'weight',
      shape: [2, 3],
      storage: 'persistent',
    });
    expect(parameter.gradient).toMatchObject({
      name: 'd(weight)',
      shape: [2, 3],
      storage: 'persistent',
    });
  });

  it('is prefixed by the name of each enclosing block, and so is its gradient', () => {
    const parameter = new Parameter('weight', [2], options);
    parameter.prefix('0');
    parameter.prefix('features');
    expect(parameter.name).toBe('features.0.weight');
    expect(parameter.gradient.name).toBe('d(features.0.weight)');
  });

  it('stores a transposed matrix in PyTorch’s layout, columns first', () => {
    const parameter = new Parameter('weight', [2, 3], { ...options, pytorchAxes: [1, 0] });
    expect(parameter.pytorchShape).toEqual([3, 2]);
    expect([...parameter.toPytorch([1, 2, 3, 4, 5, 6])]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...parameter.fromPytorch([1, 4, 2, 5, 3, 6])]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('stores the weight of a convolution in PyTorch’s layout, output channels first', () => {
    const shape = [2, 1, 2, 3]; // (KH, KW, C, OC)
    const parameter = new Parameter('weight', shape, { ...options, pytorchAxes: [3, 2, 0, 1] });
    expect(parameter.pytorchShape).toEqual([3, 2, 2, 1]);
    const values = [111, 112, 113, 121, 122, 123, 211, 212, 213, 221, 222, 223]; // k c o
    const stored = [111, 211, 121, 221, 112, 212, 122, 222, 113, 213, 123, 223];
    expect([...parameter.toPytorch(values)]).toEqual(stored);
    expect([...parameter.fromPytorch(stored)]).toEqual(values);
  });

  it('copies values unchanged where PyTorch has the same layout', () => {
    const parameter = new Parameter('bias', [3], options);
    const values = Float32Array.of(1, 2, 3);
    expect(parameter.pytorchShape).toEqual([3]);
    expect(parameter.toPytorch(values)).toEqual(values);
    expect(parameter.toPytorch(values)).not.toBe(values);
    expect(parameter.fromPytorch(values)).not.toBe(values);
  });

  it('returns unchanged from PyTorch’s layout', () => {
    const extent = fc.integer({ min: 1, max: 5 });
    const extents = fc.tuple(extent, extent, extent, extent);
    const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
    fc.assert(
      fc.property(extents, orders, (shape, pytorchAxes) => {
        const parameter = new Parameter('weight', shape, { ...options, pytorchAxes });
        const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i);
        expect(parameter.fromPytorch(parameter.toPytorch(values))).toEqual(values);
      }),
    );
  });

  it('passes its size and fan-in to its initializer', () => {
    const initializer = (size: number, fanIn: number) => new Float32Array(size).fill(fanIn);
    const parameter = new Parameter('weight', [5, 3], { fanIn: 5, initializer });
    expect([...parameter.initialValues(new RandomStream(0, 0))]).toEqual(Array(15).fill(5));
  });

  it('refuses initial values of another number', () => {
    const parameter = new Parameter('weight', [5, 3], {
      fanIn: 5,
      initializer: () => new Float32Array(2),
    });
    expect(() => parameter.initialValues(new RandomStream(0, 0))).toThrow(
      new ShapeError('weight: expected the initial values to have size = 15 elements, got 2'),
    );
  });
});

describe('kaimingUniform', () => {
  const draw = (size: number, fanIn: number, seed = 0) =>
    kaimingUniform()(size, fanIn, new RandomStream(seed, 7));

  it('stays within ±1/√fanIn and comes close to both ends', () => {
    for (const fanIn of [1, 30, 784]) {
      const bound = 1 / Math.sqrt(fanIn);
      const values = draw(20_000, fanIn);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      expect(least).toBeGreaterThanOrEqual(Math.fround(-bound));
      expect(most).toBeLessThanOrEqual(Math.fround(bound));
      expect(least).toBeLessThan(-0.999 * bound);
      expect(most).toBeGreaterThan(0.999 * bound);
    }
  });

  it('has the mean and standard deviation of a uniform distribution', () => {
    const values = draw(100_000, 100);
    // Four standard errors: σ/√n for the mean, and less than that for σ itself.
    const sigma = 0.1 / Math.sqrt(3);
    const error = (4 * sigma) / Math.sqrt(values.length);
    expectClose('mean', [mean(values)], [0], { absolute: error });
    expectClose('σ', [standardDeviation(values)], [sigma], { absolute: error });
  });

  it('draws the same values from the same seed, and different ones from another', () => {
    expect(draw(10, 4, 1)).toEqual(draw(10, 4, 1));
    expect(draw(10, 4, 1)).not.toEqual(draw(10, 4, 2));
  });
});

describe('normal', () => {
  it('has mean 0 and the given standard deviation, 1 by default', () => {
    for (const std of [undefined, 0.01]) {
      const initializer = std === undefined ? normal() : normal({ std });
      const values = initializer(100_000, 5, new RandomStream(3, 7));
      const error = (4 * (std ?? 1)) / Math.sqrt(values.length);
      expectClose('mean', [mean(values)], [0], { absolute: error });
      expectClose('σ', [standardDeviation(values)], [std ?? 1], { absolute: error });
    }
  });
});

describe('zeros', () => {
  it('returns zeros', () => {
    expect(zeros()(3, 5, new RandomStream(0, 0))).toEqual(new Float32Array(3));
  });
});
