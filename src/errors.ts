/**
 * The errors that handgrad throws on purpose. Each message is one sentence: the operation, what
 * was expected, what came, and how to mend it where that is known.
 */

/** Sizes, shapes or types of arguments that do not fit together. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

/** Data that cannot be used: truncated or corrupt files, labels out of range, values that are not finite. */
export class DataError extends Error {
  override name = 'DataError';
}

/** A backend that is missing, cannot do what was asked, or was closed. */
export class BackendError extends Error {
  override name = 'BackendError';
}

/** Training that cannot go on, such as a loss that is no longer finite. */
export class TrainingError extends Error {
  override name = 'TrainingError';
}

/** The message of whatever was thrown, which need not be an Error. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
