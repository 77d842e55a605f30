/**
 * The errors that handgrad throws. Each message is one sentence: the operation, the expected value,
 * the actual value, and a hint where the remedy is known.
 */

/** A size or shape is invalid, or shapes of arguments do not fit together. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

/**
 * Data is invalid: a truncated or corrupt file, a label out of range, a value that is not finite.
 */
export class DataError extends Error {
  override name = 'DataError';
}

/** A backend is unavailable, failed, or is closed. */
export class BackendError extends Error {
  override name = 'BackendError';
}

/**
 * Training cannot start or continue: the loss is NaN, another run is in progress, the model is in
 * use.
 */
export class TrainingError extends Error {
  override name = 'TrainingError';
}

/** The message of a thrown value, which may be any value. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
