import { expectArray, expectFinite } from '../../checks.js';
import type { Normalization } from '../../data/dataset.js';
import { ShapeError, TrainingError } from '../../errors.js';
import { type BatchSource, createSource } from '../batch-source.js';

/** Inputs of one batch for `predict` and `gradients`. */
export interface Batch {
  /** (size, features), row-major. */
  readonly inputs: Uint8Array | Float32Array;
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
 * @throws DataError for numbers that are not finite
 */
export function batchOf(
  operation: string,
  inputs: Uint8Array | Float32Array,
  { features, takesImages }: ModelInput,
  normalization: Normalization | undefined,
): Batch {
  expectArray(operation, 'inputs', inputs);
  if (features === undefined) {
    throw new TrainingError(
      takesImages
        ? `${operation}: expected a model that takes rows of numbers, got one that takes images; wrap it in onImages`
        : `${operation}: expected a model with a known number of inputs, got one that takes any number; fit first`,
    );
  }
  const size = Math.floor(inputs.length / features);
  if (size === 0 || size * features !== inputs.length) {
    throw new ShapeError(
      `${operation}: expected inputs of shape (B, ${features}), got ${inputs.length} numbers`,
    );
  }
  if (inputs instanceof Float32Array) expectFinite(operation, 'inputs', inputs);
  if (inputs instanceof Uint8Array && !normalization) {
    throw new TrainingError(
      `${operation}: expected a normalisation for bytes, got none; fit first, or pass normalization to the trainer`,
    );
  }
  return { inputs, size, features, normalization: normalization ?? { mean: 0, std: 1 } };
}

/** Tensors without values that a batch, and targets of this kind, fit into. */
export function batchSource(batch: Batch, targets: 'labels' | 'reals' | 'none'): BatchSource {
  const { inputs, size, features, normalization } = batch;
  const inputType = inputs instanceof Uint8Array ? 'uint8' : 'float32';
  return createSource(size, features, inputType, targets, normalization);
}

/** Batches with the same key run the same compiled step. */
export function stepKey({ inputs, size, features, normalization: { mean, std } }: Batch): string {
  return [inputs.constructor.name, size, features, mean, std].join(' ');
}
