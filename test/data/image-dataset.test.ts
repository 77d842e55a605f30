import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  digitDatasets,
  type LabelledImages,
  pixelStatistics,
  validateDataset,
} from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';

function labelled(split: string, labels: number[], side: number, ink = 255): LabelledImages {
  const pixels = new Uint8Array(labels.length * side * side);
  pixels[0] = ink;
  return {
    images: { count: labels.length, height: side, width: side, pixels },
    labels: Uint8Array.from(labels),
    imagesFile: `${split}-images`,
    labelsFile: `${split}-labels`,
  };
}

describe('digitDatasets', () => {
  it('gives both splits the statistics of the training split', () => {
    const { train, test } = digitDatasets(
      'small',
      labelled('train', [1, 2], 2),
      labelled('test', [3], 2, 7),
    );
    validateDataset(train);
    validateDataset(test);
    expect(train.name).toBe('small training split');
    expect(test.name).toBe('small test split');
    expect(train.normalization.mean).toBeCloseTo(1 / 8, 12);
    expect(train.normalization.std).toBeCloseTo(Math.sqrt(1 / 8 - 1 / 64), 12);
    expect(test.normalization).toEqual(train.normalization);
    expect(train).toMatchObject({ size: 2, features: 4, classes: 10, imageShape: [2, 2] });
    expect([...train.targets]).toEqual([1, 2]);
  });

  it('rejects a number of labels other than the number of images', () => {
    const train = { ...labelled('train', [1, 2], 2), labels: Uint8Array.of(1, 2, 3) };
    expect(() => digitDatasets('x', train, labelled('test', [1], 2))).toThrow(
      new DataError(
        'read train-labels: expected 2 labels, one for each image of train-images, got 3',
      ),
    );
  });

  it('rejects labels above 9, naming index and value', () => {
    expect(() =>
      digitDatasets('x', labelled('train', [1], 2), labelled('test', [1, 10], 2)),
    ).toThrow(new DataError('read test-labels: expected labels 0 … 9, got 10 at index 1'));
  });

  it('rejects splits whose images differ in size', () => {
    expect(() => digitDatasets('x', labelled('train', [1], 2), labelled('test', [1], 3))).toThrow(
      new DataError('read test-images: expected images of 2×2 as in train-images, got 3×3'),
    );
  });

  it('rejects training images whose pixels are all equal, which cannot be normalised', () => {
    expect(() =>
      digitDatasets('x', labelled('train', [1], 2, 0), labelled('test', [1], 2)),
    ).toThrow(new DataError('read train-images: expected images, got 4 pixels that all equal 0'));
  });
});

describe('pixelStatistics', () => {
  it('agrees with sums over the pixels', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (pixels) => {
        const values = Array.from(pixels, (byte) => byte / 255);
        const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
        const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
        const got = pixelStatistics(pixels);
        expect(got.mean).toBeCloseTo(mean, 12);
        expect(got.std).toBeCloseTo(Math.sqrt(variance), 12);
      }),
    );
  });
});
