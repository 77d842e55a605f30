import { DataError, ShapeError, shown } from './errors.js';
import { expectKind } from './options.js';

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

/** @throws TypeError unless `bytes` is a Uint8Array */
export function expectBytes(operation: string, what: string, bytes: unknown): void {
  if (ArrayBuffer.isView(bytes) && 'BYTES_PER_ELEMENT' in bytes && bytes.BYTES_PER_ELEMENT === 1) {
    return;
  }
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

/** @throws DataError naming the first value that is NaN or infinite */
export function expectFinite(operation: string, what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new DataError(
        `${operation}: expected finite numbers in ${what}, got ${shown(values[i])} at ${i}`,
      );
    }
  }
}

/** @throws DataError naming the first label that is not an integer below `classes` */
export function expectLabels(operation: string, labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DataError(
        `${operation}: expected labels from 0 to ${classes - 1}, got ${shown(label)} at ${i}`,
      );
    }
  }
}
