import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nearestMean,
  syntheticDigits,
  syntheticDigitsAsync,
  validateDataset,
} from '../../../src/data/index.js';
import { DataError } from '../../../src/errors.js';

describe('syntheticDigits', () => {
  it('draws 10,000 and 2,000 images of 28×28 bytes with labels 0 … 9', () => {
    const { train, test } = syntheticDigits();
    validateDataset(train);
    validateDataset(test);
    expect(train).toMatchObject({
      name: 'synthetic training split',
      size: 10_000,
      features: 784,
      classes: 10,
      imageShape: [28, 28],
    });
    expect(test.size).toBe(2_000);
    expect(train.normalization.mean).toBeGreaterThan(0.1);
    expect(train.normalization.mean).toBeLessThan(0.16);
    for (let digit = 0; digit < 10; digit++) {
      expect(train.targets.filter((target) => target === digit).length).toBeGreaterThan(850);
    }
  });

  it('draws the same bytes for the same seed on every machine', () => {
    const { train, test } = syntheticDigits({ seed: 7, trainSize: 200, testSize: 50 });
    const hash = createHash('sha256');
    for (const { inputs, targets } of [train, test]) hash.update(inputs).update(targets);
    expect(hash.digest('hex')).toBe(
      'd73769186dd54e6d7310f64cbbf6822902b3ce02e45b263823af2760c51db94f',
    );
  });

  it('draws different digits for different seeds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { minLength: 2, maxLength: 2 }), ([a, b]) => {
        const draw = (seed: number) => syntheticDigits({ seed, trainSize: 5, testSize: 1 }).train;
        expect(draw(a).inputs).toEqual(draw(a).inputs);
        expect(draw(a).inputs).not.toEqual(draw(b).inputs);
      }),
      { numRuns: 20 },
    );
  });

  it('draws digits that do not depend on the size of either split', () => {
    const few = syntheticDigits({ trainSize: 20, testSize: 10 });
    const more = syntheticDigits({ trainSize: 40, testSize: 15 });
    expect(more.train.inputs.subarray(0, 20 * 784)).toEqual(few.train.inputs);
    expect(more.test.inputs.subarray(0, 10 * 784)).toEqual(few.test.inputs);
    expect(more.train.inputs.subarray(0, 784)).not.toEqual(few.test.inputs.subarray(0, 784));
  });

  it('draws digits away from the edge, with their centre of mass near the middle', () => {
    const { train } = syntheticDigits({ trainSize: 500, testSize: 1 });
    for (let n = 0; n < train.size; n++) {
      const image = train.inputs.subarray(n * 784, (n + 1) * 784);
      const [x, y] = centreOfMass(image);
      expect(Math.abs(x - 14)).toBeLessThan(3);
      expect(Math.abs(y - 14)).toBeLessThan(3);
    }
  });

  it('draws digits that the nearest mean image classifies well, but not perfectly', () => {
    const { train, test } = syntheticDigits();
    const { accuracy } = nearestMean(train, test);
    expect(accuracy).toBeGreaterThan(0.7);
    expect(accuracy).toBeLessThan(0.9);
  });

  it('rejects sizes that are not positive integers', () => {
    expect(() => syntheticDigits({ trainSize: 0 })).toThrow(
      new DataError(
        'syntheticDigits: expected a training split of at least one digit, got a size of 0',
      ),
    );
    expect(() => syntheticDigits({ testSize: 1.5 })).toThrow(/test split .* got a size of 1.5/);
    expect(() => syntheticDigits({ testSize: Number.NaN })).toThrow(DataError);
  });
});

/** Column and row of the centre of mass of pixels brighter than the noise. */
function centreOfMass(image: ArrayLike<number>): [x: number, y: number] {
  let [mass, x, y] = [0, 0, 0];
  for (let i = 0; i < 784; i++) {
    if (image[i] < 40) continue;
    mass += image[i];
    x += image[i] * (i % 28);
    y += image[i] * Math.floor(i / 28);
  }
  return [x / mass, y / mass];
}

describe('syntheticDigitsAsync', () => {
  it('draws the same digits, and lets the event loop run', async () => {
    const options = { seed: 5, trainSize: 4000, testSize: 30 };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const [drawn, expected] = [await syntheticDigitsAsync(options), syntheticDigits(options)];
    for (const split of ['train', 'test'] as const) {
      expect(Buffer.compare(drawn[split].inputs as Buffer, expected[split].inputs as Buffer)).toBe(
        0,
      );
      expect(drawn[split].targets).toEqual(expected[split].targets);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('rejects wrong sizes under its own name', async () => {
    await expect(syntheticDigitsAsync({ trainSize: 0 })).rejects.toThrow(
      'syntheticDigitsAsync: expected a training split of at least one digit, got a size of 0',
    );
  });
});
