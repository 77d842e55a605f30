/**
 * Classification by the nearest mean image: a baseline without training.
 *
 *   μ[c] = mean of the training images x of class c           (C, F)
 *   L1:  d(x, c) = (1/F) Σᵢ |xᵢ − μ[c]ᵢ|
 *   L2:  d(x, c) = (1/F) Σᵢ (xᵢ − μ[c]ᵢ)²
 *   prediction = argmin over c of d(x, c); the lowest class of equal distances
 *
 * A square root in L2 would not change the prediction, so it is left out. Bytes are scaled to
 * byte / 255, floats are used as they are; all sums are in float64.
 */

import { DataError, ShapeError } from '../errors.js';
import { expectOptions } from '../options.js';
import { isBytes } from '../typed-arrays.js';
import { type Dataset, expectClasses, expectDataset, validArrays } from './dataset.js';

/**
 * Distance of an image from a mean: `l1` is the mean absolute, `l2` the mean squared difference.
 */
export type Metric = 'l1' | 'l2';

/** The result of `nearestMean`. */
export interface NearestMeanResult {
  /** Fraction of test examples classified correctly, 0 … 1. */
  readonly accuracy: number;
  /** (N): predicted class of each test example. */
  readonly predictions: Int32Array;
  /** (C, F): mean image of each class, in units of byte / 255 for bytes. */
  readonly means: Float64Array;
  /** (C, C) counts: element t·C + y is the number of examples of class t classified as y. */
  readonly confusion: Int32Array;
}

/**
 * Classifies each example of `test` as the class of `train` with the nearest mean image.
 *
 * @param options.metric `l1` or `l2` (the default)
 * @throws ShapeError for datasets that differ in features or classes
 * @throws DataError  for regression datasets, invalid values, and classes without a training example
 * @example nearestMean(train, test, { metric: 'l2' }).accuracy; // 0.8203 on MNIST
 */
export function nearestMean(
  train: Dataset,
  test: Dataset,
  options: { readonly metric?: Metric | undefined } = {},
): NearestMeanResult {
  expectOptions('nearestMean', options, { metric: ['l1', 'l2'] });
  const { metric = 'l2' } = options;
  checkAlike(train, test);
  return classify({ ...train, ...validArrays(train) }, { ...test, ...validArrays(test) }, metric);
}

function classify(train: Dataset, test: Dataset, metric: Metric): NearestMeanResult {
  const { classes, features } = train;
  const means = classMeans(train);
  const distances = metric === 'l1' ? l1Distance : l2Distance;
  const predictions = new Int32Array(test.size);
  const confusion = new Int32Array(classes * classes);
  const x = new Float64Array(features);
  let correct = 0;
  for (let n = 0; n < test.size; n++) {
    readExample(x, test, n);
    predictions[n] = nearest(x, means, classes, distances);
    confusion[test.targets[n] * classes + predictions[n]]++;
    if (predictions[n] === test.targets[n]) correct++;
  }
  return { accuracy: correct / test.size, predictions, means, confusion };
}

/** The mean image μ of each class, (C, F). */
function classMeans(train: Dataset): Float64Array {
  const { size, features, classes, targets } = train;
  const means = new Float64Array(classes * features);
  const counts = new Int32Array(classes);
  const x = new Float64Array(features);
  for (let n = 0; n < size; n++) {
    readExample(x, train, n);
    counts[targets[n]]++;
    const row = targets[n] * features;
    for (let i = 0; i < features; i++) means[row + i] += x[i];
  }
  const empty = counts.indexOf(0);
  if (empty >= 0) {
    throw new DataError(
      `nearestMean: expected training examples of every class, got none of class ${empty}`,
    );
  }
  return means.map((sum, i) => sum / counts[Math.floor(i / features)]);
}

/** Copies example `n` to `x`, (F). */
function readExample(x: Float64Array, { inputs, features }: Dataset, n: number): void {
  const unit = isBytes(inputs) ? 255 : 1;
  for (let i = 0; i < features; i++) x[i] = inputs[n * features + i] / unit;
}

/** The class whose row of `means` is nearest to `x`. */
function nearest(
  x: Float64Array,
  means: Float64Array,
  classes: number,
  distance: (x: Float64Array, means: Float64Array, row: number) => number,
): number {
  let best = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let c = 0; c < classes; c++) {
    const d = distance(x, means, c * x.length);
    if (d < smallest) {
      smallest = d;
      best = c;
    }
  }
  return best;
}

function l1Distance(x: Float64Array, means: Float64Array, row: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i] - means[row + i]);
  return sum / x.length;
}

function l2Distance(x: Float64Array, means: Float64Array, row: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - means[row + i]) ** 2;
  return sum / x.length;
}

function checkAlike(train: Dataset, test: Dataset): void {
  expectClasses('nearestMean', train);
  expectDataset('nearestMean', test);
  if (train.features === test.features && train.classes === test.classes) return;
  throw new ShapeError(
    `nearestMean: expected a test split of ${train.features} features and ${train.classes} classes as in training, got ${test.features} and ${test.classes}`,
  );
}
