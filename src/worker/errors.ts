/** Errors that travel between threads with their class, message and stack. */

import { BackendError, DataError, ShapeError, setCause, shown, TrainingError } from '../errors.js';

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
  return describe(thrown, number, MOST_CAUSES);
}

/** Causes beyond this number are left out: an error may be its own cause. */
const MOST_CAUSES = 8;

function describe(thrown: unknown, number: number | undefined, causes: number): PlainError {
  if (!(thrown instanceof Error)) {
    const message = typeof thrown === 'string' ? thrown : shown(thrown);
    return { name: 'Error', message, thrown: number };
  }
  const { name, message, stack, cause } = thrown as Error & { readonly cause?: unknown };
  return {
    name: text(name),
    message: text(message),
    stack: stack === undefined ? undefined : text(stack),
    cause: cause === undefined || causes === 0 ? undefined : describe(cause, undefined, causes - 1),
    thrown: number ?? numbers.get(thrown),
  };
}

/** A program may assign anything to the fields of an error. */
function text(field: unknown): string {
  return typeof field === 'string' ? field : shown(field);
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
