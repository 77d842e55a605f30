/**
 * The errors that handgrad throws. Each message is one sentence: the operation, the expected value,
 * the actual value, and a hint where the remedy is known. Unknown options and values of a wrong type
 * are TypeErrors (src/options.ts), numbers out of range are RangeErrors.
 */

/** An error that keeps its cause also where the engine ignores the option (Chrome before version 93). */
export class ErrorWithCause extends Error {
  constructor(message?: string, options?: { readonly cause?: unknown }) {
    super(message);
    // Anything but an object is ignored, as by the engine.
    const given = Object(options) as NonNullable<typeof options>;
    if ('cause' in given) setCause(this, given.cause);
  }
}

/** Sets an error's cause as the engine does. */
export function setCause(error: Error, value: unknown): void {
  Object.defineProperty(error, 'cause', { value, configurable: true, writable: true });
}

/** A size or shape is invalid, or shapes of arguments do not fit together. */
export class ShapeError extends ErrorWithCause {
  override name = 'ShapeError';
}

/**
 * Data is invalid: a truncated or corrupt file, a label out of range, a value that is not finite.
 */
export class DataError extends ErrorWithCause {
  override name = 'DataError';
}

/** A backend is unavailable, failed, or is closed. */
export class BackendError extends ErrorWithCause {
  override name = 'BackendError';
}

/**
 * Training cannot start or continue: the loss is NaN, another run is in progress, the model is in
 * use.
 */
export class TrainingError extends ErrorWithCause {
  override name = 'TrainingError';
}

/** The message of a thrown value, which may be any value. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A value of any type, for messages: `'0.1'`, `a function`, `an AbortController`. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 80 ? `${value.slice(0, 80)}…` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (isPromise(value)) return 'a promise; await it';
  if (Array.isArray(value)) return shownList(value);
  const name = value.constructor?.name ?? 'Object';
  // Minified builds rename classes, so only those of the language and of the platform are named.
  const isGlobal = (globalThis as Record<string, unknown>)[name] === value.constructor;
  if (name === 'Object' || !isGlobal) return 'an object';
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** Characters of an untrusted value that a message quotes, at most. */
const MAXIMUM_QUOTE = 80;

/** An untrusted value as JSON, truncated so that a message stays on one line. */
export function quoted(value: unknown): string {
  let json: string;
  try {
    json = JSON.stringify(value) ?? 'nothing';
  } catch {
    // JSON.stringify fails for values that are nested deeper than the stack.
    return shown(value);
  }
  return json.length <= MAXIMUM_QUOTE ? json : `${json.slice(0, MAXIMUM_QUOTE)}…`;
}

/** Names that a message lists, at most. */
const MOST_NAMES = 12;

/** Untrusted names, truncated so that a message stays short. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_NAMES).map((name) => name.slice(0, MAXIMUM_QUOTE));
  const more = names.length - first.length;
  return `${first.join(', ') || 'nothing'}${more > 0 ? ` and ${more} more` : ''}`;
}

function shownList(values: readonly unknown[]): string {
  const isShort = values.length <= 4 && values.every((each) => typeof each === 'number');
  return isShort ? `[${values.join(', ')}]` : `an array of length ${values.length}`;
}

function isPromise(value: object): boolean {
  return typeof (value as Partial<Promise<unknown>>).then === 'function';
}
