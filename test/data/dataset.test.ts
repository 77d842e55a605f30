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

  it('refuses sizes that do not agree', () => {
    const refuse = (change: Partial<Dataset>, message: string) => {
      expect(() => validateDataset({ ...digits, ...change })).toThrow(new ShapeError(message));
    };
    refuse({ size: 0 }, 'dataset d: expected size to be an integer of at least 1, got 0');
    refuse(
      { features: 1.5 },
      'dataset d: expected features to be an integer of at least 1, got 1.5',
    );
    refuse({ classes: -1 }, 'dataset d: expected classes to be an integer of at least 0, got -1');
    refuse({ inputs: new Uint8Array(11) }, 'dataset d: expected 3 × 4 = 12 inputs, got 11');
    refuse({ targets: Int32Array.of(1) }, 'dataset d: expected 3 targets, one per example, got 1');
    refuse({ imageShape: [2, 3] }, 'dataset d: expected an image shape of 4 pixels, got 2×3');
  });

  it('refuses inputs that are not finite, wherever they are', () => {
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

  it.each([-1, 3, 1.5, Number.NaN])('refuses the class number %s', (target) => {
    expect(() => validateDataset({ ...digits, targets: Float32Array.of(0, target, 2) })).toThrow(
      new DataError(
        `dataset d: expected targets to be class numbers 0 … 2, got ${target} at index 1`,
      ),
    );
  });

  it('refuses real targets that are not finite', () => {
    expect(() =>
      validateDataset({ ...regression, targets: Float32Array.of(0, 1, Number.NaN) }),
    ).toThrow(new DataError('dataset d: expected finite targets, got NaN at index 2'));
  });

  it.each([
    [0, 0],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
  ])('refuses a normalisation by mean %s and standard deviation %s', (mean, std) => {
    expect(() => validateDataset({ ...digits, normalization: { mean, std } })).toThrow(DataError);
  });
});
