import { expectArray, expectInteger, expectNumber, firstInfinite } from '../checks.js';
import { DataError, ShapeError, shown } from '../errors.js';
import { expectKind, expectOptions, isObject } from '../options.js';
import {
  exactFloat32,
  type InputArray,
  inputArray,
  isBytes,
  isFloat32,
  isInt32,
  isRgba,
  numbersOf,
  typeName,
} from '../typed-arrays.js';

/**
 * Examples with their targets in memory, for `Trainer.fit` and `Trainer.evaluate`. Arrays of other
 * types are converted if every value stays exactly the same. After a change of values in place, call
 * `touch`.
 */
export interface Dataset {
  /** Name for messages, such as `MNIST training split`. */
  readonly name: string;
  /** Number of examples N, at least 1. */
  readonly size: number;
  /** Numbers per example F, at least 1: 784 for a 28×28 image. */
  readonly features: number;
  /**
   * (N, F), row-major. Bytes are normalised to `(byte / 255 − mean) / std` when a batch is
   * gathered; floats are used as they are.
   */
  readonly inputs: Uint8Array | Float32Array;
  /** (N): class numbers 0 … classes − 1, or real numbers for regression. */
  readonly targets: Int32Array | Float32Array;
  /** Number of classes C; 0 for regression. */
  readonly classes: number;
  /** Mean and standard deviation of the training split's inputs; applied to bytes only. */
  readonly normalization: Normalization;
  /** Height and width in pixels, for images in one channel; undefined for other data. */
  readonly imageShape?: readonly [height: number, width: number] | undefined;
}

/** Constants of `(byte / 255 − mean) / std`, in units of byte / 255. */
export interface Normalization {
  readonly mean: number;
  /** Standard deviation, above 0. */
  readonly std: number;
}

/** A training and a test split that share the training split's normalisation. */
export interface Splits {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** The arrays of a dataset in the types that backends store. */
export interface DatasetArrays {
  readonly inputs: InputArray;
  readonly targets: Int32Array | Float32Array;
}

/**
 * Checks that sizes agree, that inputs and targets are finite, and that class numbers are integers
 * below `classes`. `Trainer` calls it before it uploads a dataset; kernels rely on it.
 *
 * @throws TypeError  for a missing field, or one of another type
 * @throws ShapeError for sizes that do not agree
 * @throws DataError  for an invalid value, with its index, and for arrays of a type that cannot be
 *   converted exactly
 */
export function validateDataset(dataset: Dataset): void {
  validArrays(dataset);
}

/**
 * Checks a dataset as `validateDataset` does, and converts its arrays where they have another type
 * and their values allow it exactly.
 *
 * @returns the dataset's own arrays if they need no conversion
 */
export function validArrays(dataset: Dataset): DatasetArrays {
  expectDataset('validateDataset', dataset);
  checkSizes(dataset);
  const arrays = datasetArrays(dataset);
  checkInputs(dataset, arrays);
  if (dataset.classes > 0) checkClassNumbers(dataset, arrays);
  else checkRealTargets(dataset, arrays);
  return arrays;
}

/**
 * The arrays of a dataset, converted where they have another type.
 *
 * @throws DataError naming the type of an array that cannot be converted exactly
 */
export function datasetArrays({ name, inputs, targets, classes }: Dataset): DatasetArrays {
  const operation = `dataset ${name}`;
  return {
    inputs: inputArray(operation, 'inputs', inputs),
    targets:
      classes > 0 ? classNumbers(operation, targets) : exactFloat32(operation, 'targets', targets),
  };
}

function classNumbers(operation: string, targets: unknown): Int32Array | Float32Array {
  if (isInt32(targets) || isFloat32(targets)) return targets;
  const numbers = numbersOf(operation, 'targets', targets);
  const classes = Int32Array.from(numbers);
  const index = classes.findIndex((target, i) => target !== numbers[i]);
  if (index < 0) return classes;
  throw new DataError(
    `${operation}: expected targets to be class numbers, got ${typeName(targets)} with ${numbers[index]} at index ${index}`,
  );
}

function checkSizes({ name, size, features, inputs, targets, imageShape }: Dataset): void {
  if (inputs.length !== size * features) {
    const hint = isRgba(inputs, size, features)
      ? ' bytes of RGBA; convert each picture with digitImage'
      : '';
    throw new ShapeError(
      `dataset ${name}: expected ${size} × ${features} = ${size * features} inputs, got ${inputs.length}${hint}`,
    );
  }
  if (targets.length !== size) {
    throw new ShapeError(
      `dataset ${name}: expected ${size} targets, one per example, got ${targets.length}`,
    );
  }
  if (imageShape && imageShape[0] * imageShape[1] !== features) {
    throw new ShapeError(
      `dataset ${name}: expected an image shape of ${features} pixels, got ${imageShape.join('×')}`,
    );
  }
}

function checkNormalization({ name, normalization: { mean, std } }: Dataset): void {
  if (Number.isFinite(mean) && Number.isFinite(std) && std > 0) return;
  throw new DataError(
    `dataset ${name}: expected a finite mean and a positive standard deviation, got ${shown(mean)} and ${shown(std)}`,
  );
}

function checkInputs({ name, features }: Dataset, { inputs }: DatasetArrays): void {
  if (isBytes(inputs)) return;
  const index = firstInfinite(inputs);
  if (index < 0) return;
  const example = Math.floor(index / features);
  throw new DataError(
    `dataset ${name}: expected finite inputs, got ${inputs[index]} in example ${example}, feature ${index % features}`,
  );
}

function checkClassNumbers({ name, classes }: Dataset, { targets }: DatasetArrays): void {
  const index = targets.findIndex(
    (target: number) => !Number.isInteger(target) || target < 0 || target >= classes,
  );
  if (index < 0) return;
  throw new DataError(
    `dataset ${name}: expected targets to be class numbers 0 … ${classes - 1}, got ${targets[index]} at index ${index}`,
  );
}

function checkRealTargets({ name }: Dataset, { targets }: DatasetArrays): void {
  const index = firstInfinite(targets);
  if (index < 0) return;
  throw new DataError(
    `dataset ${name}: expected finite targets, got ${targets[index]} at index ${index}`,
  );
}

/**
 * Checks that a value has the fields of a dataset, with their types, but not the values in its arrays.
 *
 * @param operation the name that errors begin with
 * @throws TypeError for a missing field or one of another type, ShapeError for sizes that are not
 *   integers
 */
export function expectDataset(operation: string, dataset: Dataset): void {
  const fields = isObject(dataset) ? dataset : ({} as Partial<Dataset>);
  if (typeof fields.name !== 'string' || !('inputs' in fields)) {
    const isSplits = 'train' in fields && 'test' in fields;
    const hint = isSplits ? '; pass its train or test' : '';
    throw new TypeError(
      `${operation}: expected a dataset { name, size, features, inputs, targets, classes, normalization }, got ${shown(dataset)}${hint}`,
    );
  }
  const name = `dataset ${fields.name}`;
  expectInteger(name, 'size', fields.size);
  expectInteger(name, 'features', fields.features);
  expectInteger(name, 'classes', fields.classes, 0);
  expectArray(name, 'inputs', fields.inputs);
  expectArray(name, 'targets', fields.targets);
  if (fields.imageShape !== undefined) {
    expectKind(name, 'imageShape', fields.imageShape, 'array');
    for (const side of fields.imageShape) expectInteger(name, 'imageShape', side);
  }
  if (!isObject(fields.normalization)) {
    throw new TypeError(
      `${name}: expected normalization to be { mean, std }, got ${shown(fields.normalization)}`,
    );
  }
  checkNormalization(fields as Dataset);
}

/** @throws DataError for a regression dataset; TypeError or ShapeError as `expectDataset` does */
export function expectClasses(operation: string, dataset: Dataset): void {
  expectDataset(operation, dataset);
  if (dataset.classes > 0) return;
  throw new DataError(
    `${operation}: expected a dataset with classes, got ${dataset.name}, which is for regression`,
  );
}

/** @throws TypeError, RangeError or DataError unless it has a finite mean and a positive std */
export function expectNormalization(operation: string, normalization: Normalization): void {
  const kinds = { mean: 'any', std: 'any' } as const;
  expectOptions(operation, normalization, kinds, 'the normalization');
  expectNumber(operation, 'normalization.mean', normalization.mean);
  expectNumber(operation, 'normalization.std', normalization.std);
  if (normalization.std > 0) return;
  throw new DataError(`${operation}: expected normalization.std above 0, got ${normalization.std}`);
}
