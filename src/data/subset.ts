/**
 * Subsets of a dataset: some classes, one class against the rest, the first examples, two splits.
 */

import { expectSeed } from '../checks.js';
import { DataError, shown } from '../errors.js';
import { expectKind } from '../options.js';
import { naturalOrder, RandomStream, STREAMS, shuffle } from '../random/threefry.js';
import { isBytes, isInt32 } from '../typed-arrays.js';
import { type Dataset, datasetArrays, expectClasses, expectDataset } from './dataset.js';

/**
 * Copies the examples of some classes and relabels them.
 *
 * Three or more classes become 0, 1, 2, … in the order listed. With exactly two, the first becomes
 * the positive class 1 of a binary loss, and the second becomes 0.
 *
 * @param classes different class numbers of `dataset`, at least one
 * @throws DataError for a regression dataset, for classes that are out of range, listed twice or
 *   without examples
 * @example selectClasses(train, [3, 7]); // 3 becomes 1, 7 becomes 0
 */
export function selectClasses(dataset: Dataset, classes: readonly number[]): Dataset {
  checkClasses('selectClasses', dataset, classes);
  const relabel = new Map(classes.map((original, i) => [original, i]));
  if (classes.length === 2) {
    relabel.set(classes[0], 1);
    relabel.set(classes[1], 0);
  }
  const { targets } = datasetArrays(dataset);
  const indices = Int32Array.from(targets.keys()).filter((i) => relabel.has(targets[i]));
  if (indices.length === 0) {
    throw new DataError(
      `selectClasses: expected examples of classes ${classes.join(', ')} in ${dataset.name}, got none`,
    );
  }
  const kept = gatherExamples(dataset, indices);
  return {
    ...kept,
    name: `${dataset.name}, classes ${classes.join(', ')}`,
    targets: Int32Array.from(kept.targets, (target) => relabel.get(target) ?? 0),
    classes: classes.length,
  };
}

/**
 * Relabels all examples: 1 for class `positive`, 0 for every other class. The inputs are shared
 * with `dataset`.
 *
 * @throws DataError for a regression dataset or a class out of range
 * @example oneAgainstRest(train, 9); // 9 becomes 1, every other digit 0
 */
export function oneAgainstRest(dataset: Dataset, positive: number): Dataset {
  checkClasses('oneAgainstRest', dataset, [positive]);
  const { targets } = datasetArrays(dataset);
  return {
    ...dataset,
    name: `${dataset.name}, ${positive} against the rest`,
    targets: Int32Array.from(targets, (target) => (target === positive ? 1 : 0)),
    classes: 2,
  };
}

/**
 * Returns the first `count` examples, as views that share memory with `dataset`.
 *
 * @throws DataError unless `count` is an integer from 1 to the dataset's size
 */
export function take(dataset: Dataset, count: number): Dataset {
  expectDataset('take', dataset);
  if (!Number.isInteger(count) || count < 1 || count > dataset.size) {
    throw new DataError(
      `take: expected 1 … ${dataset.size} examples of ${dataset.name}, got ${shown(count)}`,
    );
  }
  const { inputs, targets } = datasetArrays(dataset);
  return {
    ...dataset,
    name: `${dataset.name}, first ${count}`,
    size: count,
    inputs: inputs.subarray(0, count * dataset.features),
    targets: targets.subarray(0, count),
  };
}

/**
 * Splits a dataset at random into two copies, each with at least one example.
 *
 * @param fraction fraction of the examples in the validation part, above 0 and below 1
 * @param seed     the same seed gives the same split; an integer from 0 to 2³² − 1, 0 by default
 * @throws DataError for a fraction outside (0, 1) and for fewer than two examples, ShapeError for a
 *   seed out of range
 * @example const [training, validation] = split(train, 0.1);
 */
export function split(
  dataset: Dataset,
  fraction: number,
  seed = 0,
): [train: Dataset, validation: Dataset] {
  expectDataset('split', dataset);
  expectKind('split', 'fraction', fraction, 'number');
  expectSeed('split', 'seed', seed);
  if (!(fraction > 0 && fraction < 1)) {
    throw new DataError(`split: expected a fraction between 0 and 1, got ${fraction}`);
  }
  if (dataset.size < 2) {
    throw new DataError(`split: expected at least two examples, got ${dataset.size}`);
  }
  const order = shuffle(naturalOrder(dataset.size), new RandomStream(seed, STREAMS.split));
  const rounded = Math.round(fraction * dataset.size);
  const trainSize = dataset.size - Math.min(Math.max(rounded, 1), dataset.size - 1);
  const part = (name: string, indices: Int32Array): Dataset => ({
    ...gatherExamples(dataset, indices),
    name: `${dataset.name}, ${name} part`,
  });
  return [
    part('training', order.subarray(0, trainSize)),
    part('validation', order.subarray(trainSize)),
  ];
}

/** Copies of the examples at `indices`, in that order. */
function gatherExamples(dataset: Dataset, indices: Int32Array): Dataset {
  const { features } = dataset;
  const { inputs, targets } = datasetArrays(dataset);
  const gathered = new (isBytes(inputs) ? Uint8Array : Float32Array)(indices.length * features);
  const gatheredTargets = new (isInt32(targets) ? Int32Array : Float32Array)(indices.length);
  indices.forEach((from, to) => {
    gathered.set(inputs.subarray(from * features, (from + 1) * features), to * features);
    gatheredTargets[to] = targets[from];
  });
  return { ...dataset, size: indices.length, inputs: gathered, targets: gatheredTargets };
}

function checkClasses(operation: string, dataset: Dataset, classes: readonly number[]): void {
  expectClasses(operation, dataset);
  expectKind(operation, 'classes', classes, 'array');
  const listed = classes.map(shown).join(', ') || 'none';
  if (classes.length === 0 || new Set(classes).size !== classes.length) {
    throw new DataError(
      `${operation}: expected at least one class, each listed once, got ${listed}`,
    );
  }
  const valid = (c: number) => Number.isInteger(c) && c >= 0 && c < dataset.classes;
  if (classes.every(valid)) return;
  throw new DataError(
    `${operation}: expected classes 0 … ${dataset.classes - 1} of ${dataset.name}, got ${listed}`,
  );
}
