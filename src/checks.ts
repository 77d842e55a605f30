import { DataError, ShapeError, shown } from './errors.js';
import { expectKind } from './options.js';
import { isBytes, isMemory, numbersOf } from './typed-arrays.js';

/** @throws ShapeError unless `value` is an integer of at least `minimum` */
export function expectInteger(
  operation: string,
  what: string,
  value: unknown,
  minimum = 1,
): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < minimum) {
    throw new ShapeError(
      `${operation}: expected ${what} to be an integer of at least ${minimum}, got ${shown(value)}`,
    );
  }
}

/**
 * Random streams have keys of 32 bits, so larger seeds would repeat the numbers of smaller ones.
 *
 * @throws ShapeError unless `value` is an integer from 0 to 2³² − 1
 */
export function expectSeed(
  operation: string,
  what: string,
  value: unknown,
): asserts value is number {
  expectInteger(operation, what, value, 0);
  if (value < 2 ** 32) return;
  throw new ShapeError(
    `${operation}: expected ${what} to be below 2 ** 32, got ${value}; pass ${value} % 2 ** 32`,
  );
}

/** @throws RangeError unless `value` is a finite number from `minimum` to `maximum` */
export function expectNumber(
  operation: string,
  what: string,
  value: unknown,
  minimum = -Infinity,
  maximum = Infinity,
): asserts value is number {
  const isNumber = typeof value === 'number' && Number.isFinite(value);
  if (!isNumber || value < minimum || value > maximum) {
    const range = maximum < Infinity ? ` from ${minimum} to ${maximum}` : atLeast(minimum);
    throw new RangeError(
      `${operation}: expected ${what} to be a finite number${range}, got ${shown(value)}`,
    );
  }
}

function atLeast(minimum: number): string {
  return minimum > -Infinity ? ` of at least ${minimum}` : '';
}

/** @throws TypeError unless `values` is an array, a typed array, or another object with a length */
export function expectArray(operation: string, what: string, values: unknown): void {
  if (
    typeof values === 'object' &&
    Number.isInteger((values as ArrayLike<number> | null)?.length)
  ) {
    return;
  }
  throw new TypeError(
    `${operation}: expected ${what} to be an array of numbers, got ${shown(values)}`,
  );
}

/** @throws TypeError unless `bytes` is a Uint8Array, and `file` a string */
export function expectFile(operation: string, bytes: unknown, file: unknown): void {
  expectBytes(operation, 'bytes', bytes);
  expectKind(operation, 'file', file, 'string');
}

/** @throws TypeError unless `bytes` is a Uint8Array, a Uint8ClampedArray or raw memory */
export function expectBytes(operation: string, what: string, bytes: unknown): void {
  if (isBytes(bytes) || isMemory(bytes)) return;
  throw new TypeError(`${operation}: expected ${what} to be a Uint8Array, got ${shown(bytes)}`);
}

/** @throws TypeError unless `values` is an array, ShapeError unless it has `length` elements */
export function expectLength(
  operation: string,
  what: string,
  values: ArrayLike<number>,
  length: number,
  form: string,
): void {
  expectArray(operation, what, values);
  if (values.length !== length) {
    throw new ShapeError(
      `${operation}: expected ${what} to have ${form} = ${length} elements, got ${values.length}`,
    );
  }
}

/**
 * Checks that all values are finite as float32: at most 3.4 · 10³⁸ in magnitude.
 *
 * @returns the values as numbers
 * @throws DataError naming the first value that is NaN or infinite, or the type of values that are
 *   not numbers
 */
export function expectFinite(
  operation: string,
  what: string,
  values: ArrayLike<number>,
): ArrayLike<number> {
  const numbers = numbersOf(operation, what, values);
  const bad = firstInfinite(numbers);
  if (bad < 0) return numbers;
  const hint = Number.isFinite(numbers[bad]) ? ', which float32 rounds to infinity' : '';
  throw new DataError(
    `${operation}: expected finite numbers in ${what}, got ${numbers[bad]} at ${bad}${hint}`,
  );
}

/** Index of the first value that is not finite as float32; −1 if all are. */
export function firstInfinite(values: ArrayLike<number>): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(Math.fround(values[i]))) return i;
  return -1;
}

/**
 * @returns the labels as numbers
 * @throws DataError naming the first label that is not an integer below `classes`, or the type of
 *   labels that are not numbers
 */
export function expectLabels(
  operation: string,
  values: ArrayLike<number>,
  classes: number,
): ArrayLike<number> {
  const labels = numbersOf(operation, 'labels', values);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DataError(
        `${operation}: expected labels from 0 to ${classes - 1}, got ${shown(label)} at ${i}`,
      );
    }
  }
  return labels;
}
