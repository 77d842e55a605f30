import { expectArray, expectFinite, expectInteger, expectLength } from '../checks.js';
import { type Shape, sizeOf, type Values } from '../tensor.js';

/** An array with its shape, as the caller passes it. */
export interface Operand {
  readonly shape: Shape;
  /** Row-major and dense: as many numbers as the product of the shape. */
  readonly data: ArrayLike<number>;
}

/** An array with its shape, as an op computed it. */
export interface Result {
  readonly shape: Shape;
  readonly data: Values;
}

/**
 * Checks sizes by name.
 *
 * @throws ShapeError unless every size is a positive integer
 */
export function expectSizes(operation: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) expectInteger(operation, name, value);
}

/**
 * Checks an array and gives it its shape.
 *
 * @param operation the name that errors begin with
 * @param name the name of the array, for errors
 * @param form the expected number of elements, for errors: `batch·inputs`
 * @throws ShapeError unless it has as many elements as `shape`, DataError unless all are finite
 */
export function operand(
  operation: string,
  name: string,
  data: ArrayLike<number>,
  shape: Shape,
  form: string,
): Operand {
  const length = sizeOf(shape);
  expectLength(operation, name, data, length, form);
  expectInteger(operation, `the length of ${name}`, length);
  return { shape, data: expectFinite(operation, name, data) };
}

/**
 * An array of any length.
 *
 * @throws ShapeError when it is empty, DataError unless all are finite, TypeError for no array
 */
export function listOperand(operation: string, name: string, data: ArrayLike<number>): Operand {
  expectArray(operation, name, data);
  return operand(operation, name, data, [data.length], 'n');
}

/** Logits (batch, columns); the batch size follows from the length of the array. */
export function logitRows(operation: string, data: ArrayLike<number>, columns: number): Operand {
  expectInteger(operation, 'classes', columns);
  expectArray(operation, 'logits', data);
  const batch = Math.floor(data.length / columns);
  return operand(operation, 'logits', data, [batch, columns], 'batch·classes');
}
