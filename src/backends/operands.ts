/** Checks of what callers hand in to the numerical core. */

import { expectFinite, expectInteger, expectLength } from '../checks.js';
import { type Shape, sizeOf } from '../tensor.js';
import type { Operand } from './eager.js';

/** @throws ShapeError unless every size is a positive integer */
export function expectSizes(operation: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) expectInteger(operation, name, value);
}

/**
 * An array that a caller handed in.
 *
 * @throws ShapeError unless it has as many elements as `shape`, DataError unless all are finite
 */
export function operand(
  operation: string,
  name: string,
  values: ArrayLike<number>,
  shape: Shape,
  form: string,
): Operand {
  const length = sizeOf(shape);
  expectLength(operation, name, values, length, form);
  expectInteger(operation, `the length of ${name}`, length);
  expectFinite(operation, name, values);
  return { values, shape };
}

/** Logits whose number of rows follows from their length. */
export function rows(operation: string, values: ArrayLike<number>, columns: number): Operand {
  expectInteger(operation, 'classes', columns);
  const batch = Math.floor(values.length / columns);
  return operand(operation, 'logits', values, [batch, columns], 'batch·classes');
}
