import { describe, expect, it } from 'vitest';
import { type Dataset, nearestMean, noisyLine } from '../../src/data/index.js';
import { DataError, ShapeError } from '../../src/errors.js';

function dataset(inputs: number[][], targets: number[], classes: number): Dataset {
  return {
    name: 'd',
    size: targets.length,
    features: inputs[0].length,
    inputs: Uint8Array.from(inputs.flat()),
    targets: Int32Array.from(targets),
    classes,
    normalization: { mean: 0, std: 1 },
  };
}

describe('nearestMean', () => {
  const train = dataset(
    [
      [0, 0],
      [0, 51],
      [255, 255],
      [204, 255],
    ],
    [0, 0, 1, 1],
    2,
  );

  it('averages the training images of each class, in units of byte / 255', () => {
    const { means } = nearestMean(train, train);
    [0, 0.1, 0.9, 1].forEach((want, i) => {
      expect(means[i]).toBeCloseTo(want, 15);
    });
  });

  it('predicts the class of the nearest mean, and counts correct predictions', () => {
    const test = dataset(
      [
        [10, 10],
        [250, 240],
        [200, 250],
        [20, 0],
      ],
      [0, 1, 0, 1],
      2,
    );
    const { predictions, accuracy, confusion } = nearestMean(train, test);
    expect([...predictions]).toEqual([0, 1, 1, 0]);
    expect(accuracy).toBe(0.5);
    expect([...confusion]).toEqual([1, 1, 1, 1]);
  });

  it('depends on the metric where one feature is far and another near', () => {
    // Distances of (0, 0): mean (100, 0) has L1 100 and L2 100², mean (60, 60) L1 120 and L2 2 ·
    // 60².
    const means = dataset(
      [
        [100, 0],
        [60, 60],
      ],
      [0, 1],
      2,
    );
    const origin = dataset([[0, 0]], [0], 2);
    expect([...nearestMean(means, origin, { metric: 'l1' }).predictions]).toEqual([0]);
    expect([...nearestMean(means, origin, { metric: 'l2' }).predictions]).toEqual([1]);
  });

  it.each(['l1', 'l2'] as const)('predicts the lower class for equal %s distances', (metric) => {
    const means = dataset([[9], [2], [4]], [0, 1, 2], 3);
    const between = dataset([[3]], [2], 3);
    expect([...nearestMean(means, between, { metric }).predictions]).toEqual([1]);
  });

  it('uses floats as they are', () => {
    const floats = (values: number[], targets: number[]): Dataset => ({
      ...dataset(
        values.map((v) => [v]),
        targets,
        2,
      ),
      inputs: Float32Array.from(values),
    });
    const result = nearestMean(floats([-2, 4], [0, 1]), floats([-5, 2], [0, 1]));
    expect([...result.means]).toEqual([-2, 4]);
    expect(result.accuracy).toBe(1);
  });

  it('rejects a class without a training image', () => {
    expect(() => nearestMean(dataset([[1], [2]], [0, 2], 3), train)).toThrow();
    const gap = dataset([[1], [2]], [0, 2], 3);
    expect(() => nearestMean(gap, gap)).toThrow(
      new DataError('nearestMean: expected training examples of every class, got none of class 1'),
    );
  });

  it('rejects splits that differ in features or classes, and regression datasets', () => {
    const other = dataset([[1], [2]], [0, 1], 2);
    expect(() => nearestMean(train, other)).toThrow(
      new ShapeError(
        'nearestMean: expected a test split of 2 features and 2 classes as in training, got 1 and 2',
      ),
    );
    expect(() => nearestMean(noisyLine(), noisyLine())).toThrow(DataError);
  });
});
