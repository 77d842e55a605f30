import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dataset, validateDataset } from '../../src/data/index.js';
import { DataError, ShapeError } from '../../src/errors.js';

const digits: Dataset = {
  name: 'd',
  size: 3,
  features: 4,
  inputs: new Float32Array(12),
  targets: Int32Array.of(0, 1, 2),
  classes: 3,
  normalization: { mean: 0.5, std: 0.25 },
  imageShape: [2, 2],
};

const regression: Dataset = { ...digits, classes: 0, targets: Float32Array.of(0.5, -1, 2) };

describe('validateDataset', () => {
  it('accepts bytes, floats, classes and regression', () => {
    validateDataset(digits);
    validateDataset({ ...digits, inputs: new Uint8Array(12) });
    validateDataset({ ...digits, targets: Float32Array.of(0, 1, 2) });
    validateDataset(regression);
  });

  it('rejects sizes that do not agree', () => {
    const expectRejection = (change: Partial<Dataset>, message: string) => {
      expect(() => validateDataset({ ...digits, ...change })).toThrow(new ShapeError(message));
    };
    expectRejection({ size: 0 }, 'dataset d: expected size to be an integer of at least 1, got 0');
    expectRejection(
      { features: 1.5 },
      'dataset d: expected features to be an integer of at least 1, got 1.5',
    );
    expectRejection(
      { classes: -1 },
      'dataset d: expected classes to be an integer of at least 0, got -1',
    );
    expectRejection(
      { inputs: new Uint8Array(11) },
      'dataset d: expected 3 × 4 = 12 inputs, got 11',
    );
    expectRejection(
      { targets: Int32Array.of(1) },
      'dataset d: expected 3 targets, one per example, got 1',
    );
    expectRejection(
      { imageShape: [2, 3] },
      'dataset d: expected an image shape of 4 pixels, got 2×3',
    );
  });

  it('rejects inputs that are not finite at any position', () => {
    const bad = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    fc.assert(
      fc.property(fc.nat(11), bad, (index, value) => {
        const inputs = new Float32Array(12);
        inputs[index] = value;
        expect(() => validateDataset({ ...digits, inputs })).toThrow(
          new DataError(
            `dataset d: expected finite inputs, got ${value} in example ${Math.floor(index / 4)}, feature ${index % 4}`,
          ),
        );
      }),
    );
  });

  it.each([-1, 3, 1.5, Number.NaN])('rejects the class number %s', (target) => {
    expect(() => validateDataset({ ...digits, targets: Float32Array.of(0, target, 2) })).toThrow(
      new DataError(
        `dataset d: expected targets to be class numbers 0 … 2, got ${target} at index 1`,
      ),
    );
  });

  it('rejects real targets that are not finite', () => {
    expect(() =>
      validateDataset({ ...regression, targets: Float32Array.of(0, 1, Number.NaN) }),
    ).toThrow(new DataError('dataset d: expected finite targets, got NaN at index 2'));
  });

  it.each([
    [0, 0],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
  ])('rejects a normalisation with mean %s and standard deviation %s', (mean, std) => {
    expect(() => validateDataset({ ...digits, normalization: { mean, std } })).toThrow(DataError);
  });
});
