import { describe, expect, it } from 'vitest';
import { noisyLine, noisyParabola, validateDataset } from '../../../src/data/index.js';
import { DataError } from '../../../src/errors.js';

describe('noisyLine', () => {
  it('generates 100 points with one feature, x in [−1, 1)', () => {
    const line = noisyLine();
    validateDataset(line);
    expect(line).toMatchObject({ size: 100, features: 1, classes: 0 });
    expect(line.inputs.every((x) => x >= -1 && x < 1)).toBe(true);
  });

  it('scatters around y = 2x + 1: least squares over many points finds slope and intercept', () => {
    const { inputs, targets, size } = noisyLine({ size: 10_000 });
    const mean = (value: (n: number) => number) =>
      Array.from({ length: size }, (_, n) => value(n)).reduce((sum, v) => sum + v, 0) / size;
    const meanX = mean((n) => inputs[n]);
    const meanY = mean((n) => targets[n]);
    const covariance = mean((n) => (inputs[n] - meanX) * (targets[n] - meanY));
    const slope = covariance / mean((n) => (inputs[n] - meanX) ** 2);
    expect(slope).toBeCloseTo(2, 1);
    expect(meanY - slope * meanX).toBeCloseTo(1, 2);
    const noise = Math.sqrt(mean((n) => (targets[n] - 2 * inputs[n] - 1) ** 2));
    expect(noise).toBeCloseTo(0.1, 2);
  });
});

describe('noisyParabola', () => {
  it('generates 20 points with features (t², t), t evenly spaced from −2 to 2', () => {
    const parabola = noisyParabola();
    validateDataset(parabola);
    expect(parabola).toMatchObject({ size: 20, features: 2, classes: 0 });
    const { inputs } = parabola;
    expect([inputs[1], inputs[39]]).toEqual([-2, 2]);
    for (let n = 0; n < 20; n++) {
      const t = inputs[2 * n + 1];
      expect(t).toBeCloseTo(-2 + (4 * n) / 19, 6);
      expect(inputs[2 * n]).toBeCloseTo(t * t, 6);
    }
  });

  it('scatters around 3t² + 2t + 1', () => {
    const seeds = 2000;
    const sums = new Float64Array(20);
    for (let seed = 0; seed < seeds; seed++) {
      noisyParabola({ seed }).targets.forEach((y, n) => {
        sums[n] += y;
      });
    }
    const { inputs } = noisyParabola();
    sums.forEach((sum, n) => {
      const want = 3 * inputs[2 * n] + 2 * inputs[2 * n + 1] + 1;
      // The standard error of the mean is below √(1.5² + (0.15 · 17)²) / √2000 = 0.066.
      expect(Math.abs(sum / seeds - want)).toBeLessThan(0.3);
    });
  });
});

describe.each([
  ['noisyLine', noisyLine],
  ['noisyParabola', noisyParabola],
])('%s', (name, draw) => {
  it('is the same for the same seed, and differs for another', () => {
    expect(draw({ seed: 5 })).toEqual(draw({ seed: 5 }));
    expect(draw({ seed: 5 }).targets).not.toEqual(draw({ seed: 6 }).targets);
    expect(draw()).toEqual(draw({ seed: 0 }));
  });

  it('accepts any positive integer as size, and rejects others', () => {
    expect(draw({ size: 1 }).inputs.every(Number.isFinite)).toBe(true);
    expect(draw({ size: 7 }).targets).toHaveLength(7);
    for (const size of [0, -1, 2.5, Number.NaN]) {
      expect(() => draw({ size })).toThrow(
        new DataError(`${name}: expected a size of at least 1, got ${size}`),
      );
    }
  });
});
