import { expectArray, expectFinite, expectLabels, expectLength } from '../../checks.js';
import type { Normalization } from '../../data/dataset.js';
import { DataError, ShapeError, TrainingError } from '../../errors.js';
import { type InputArray, inputArray, isBytes, isRgba } from '../../typed-arrays.js';
import { type BatchSource, createSource } from '../batch-source.js';

/** Inputs of one batch for `predict` and `gradients`. */
export interface Batch {
  /** (size, features), row-major. */
  readonly inputs: InputArray;
  readonly size: number;
  readonly features: number;
  /** Applied to bytes. */
  readonly normalization: Normalization;
}

/** The input that a model accepts. */
interface ModelInput {
  /** Numbers per example; undefined while unknown. */
  readonly features: number | undefined;
  readonly takesImages: boolean;
}

/**
 * Checks inputs that the user passed to an operation.
 *
 * @param normalization applied to bytes; undefined while unknown
 * @throws TrainingError when the number of features or the normalisation is unknown
 * @throws ShapeError when the inputs are not whole rows
 * @throws DataError for numbers that are not finite or not exact in float32, and for RGBA pixels
 */
export function batchOf(
  operation: string,
  values: ArrayLike<number>,
  { features, takesImages }: ModelInput,
  normalization: Normalization | undefined,
): Batch {
  expectArray(operation, 'inputs', values);
  if (features === undefined) {
    throw new TrainingError(
      takesImages
        ? `${operation}: expected a model that takes rows of numbers, got one that takes images; wrap it in onImages`
        : `${operation}: expected a model with a known number of inputs, got one that takes any number; fit first`,
    );
  }
  if (isRgba(values, undefined, features)) {
    throw new DataError(
      `${operation}: expected inputs of shape (B, ${features}), got ${values.length / 4} RGBA pixels; convert each picture with digitImage, or pass grey images as a Uint8Array`,
    );
  }
  const inputs = inputArray(operation, 'inputs', values);
  const size = Math.floor(inputs.length / features);
  if (size === 0 || size * features !== inputs.length) {
    throw new ShapeError(
      `${operation}: expected inputs of shape (B, ${features}), got ${inputs.length} numbers`,
    );
  }
  if (!isBytes(inputs)) expectFinite(operation, 'inputs', inputs);
  else if (!normalization) {
    throw new TrainingError(
      `${operation}: expected a normalisation for bytes, got none; fit first, or pass normalization to the trainer`,
    );
  }
  return { inputs, size, features, normalization: normalization ?? { mean: 0, std: 1 } };
}

/**
 * Checks targets that the user passed to an operation.
 *
 * @param classes number of classes, for labels
 * @throws ShapeError for another number than `size`
 * @throws DataError for labels out of range, and real numbers that are not finite
 */
export function targetsOf(
  operation: string,
  targets: ArrayLike<number>,
  size: number,
  kind: 'labels' | 'reals',
  classes: number,
): ArrayLike<number> {
  expectLength(operation, 'targets', targets, size, 'B');
  if (kind === 'labels') return expectLabels(operation, targets, classes);
  return expectFinite(operation, 'targets', targets);
}

/** Tensors without values that a batch, and targets of this kind, fit into. */
export function batchSource(batch: Batch, targets: 'labels' | 'reals' | 'none'): BatchSource {
  const { inputs, size, features, normalization } = batch;
  const inputType = isBytes(inputs) ? 'uint8' : 'float32';
  return createSource(size, features, inputType, targets, normalization);
}

/** Batches with the same key run the same compiled step. */
export function stepKey({ inputs, size, features, normalization: { mean, std } }: Batch): string {
  return [isBytes(inputs) ? 'uint8' : 'float32', size, features, mean, std].join(' ');
}
