/** Errors that travel between threads with their class, message and stack. */

import { BackendError, DataError, ShapeError, setCause, TrainingError } from '../errors.js';

/** An error as plain data. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: PlainError | undefined;
  /** The number of an error that a callback threw, which its own thread has kept. */
  readonly thrown?: number | undefined;
}

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  BackendError,
  DataError,
  ShapeError,
  TrainingError,
  RangeError,
  SyntaxError,
  TypeError,
};

/** Numbers of errors that came from another thread. */
const numbers = new WeakMap<object, number>();

/**
 * @param thrown any value
 * @param number under which this thread keeps the value, if it does
 */
export function plainError(thrown: unknown, number?: number): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), thrown: number };
  const { name, message, stack, cause } = thrown as Error & { readonly cause?: unknown };
  return {
    name,
    message,
    stack,
    cause: cause === undefined ? undefined : plainError(cause),
    thrown: number ?? numbers.get(thrown),
  };
}

/** The error that `plainError` described. */
export function errorFrom({ name, message, stack, cause, thrown }: PlainError): Error {
  const error = new (CLASSES[name] ?? Error)(message);
  if (cause) setCause(error, errorFrom(cause));
  if (error.name !== name) error.name = name;
  // The place in the other thread: this one has none.
  if (stack !== undefined) error.stack = stack;
  if (thrown !== undefined) numbers.set(error, thrown);
  return error;
}
