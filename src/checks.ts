import { DataError, ShapeError } from './errors.js';

/** @throws ShapeError unless `value` is an integer of at least `minimum` */
export function expectInteger(
  operation: string,
  what: string,
  value: unknown,
  minimum = 1,
): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < minimum) {
    throw new ShapeError(
      `${operation}: expected ${what} to be an integer of at least ${minimum}, got ${value}`,
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
      `${operation}: expected ${what} to be a finite number${range}, got ${value}`,
    );
  }
}

function atLeast(minimum: number): string {
  return minimum > -Infinity ? ` of at least ${minimum}` : '';
}

/** @throws ShapeError unless `values` has `length` elements */
export function expectLength(
  operation: string,
  what: string,
  values: ArrayLike<number>,
  length: number,
  form: string,
): void {
  if (values?.length !== length) {
    throw new ShapeError(
      `${operation}: expected ${what} to have ${form} = ${length} elements, got ${values?.length ?? values}`,
    );
  }
}

/** @throws DataError naming the first value that is NaN or infinite */
export function expectFinite(operation: string, what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new DataError(
        `${operation}: expected finite numbers in ${what}, got ${values[i]} at ${i}`,
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
        `${operation}: expected labels from 0 to ${classes - 1}, got ${label} at ${i}`,
      );
    }
  }
}
