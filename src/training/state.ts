import { expectFinite } from '../checks.js';
import { ShapeError } from '../errors.js';
import { formatShape, type Shape, sameShape, sizeOf } from '../tensor.js';

interface Expected {
  readonly name: string;
  readonly shape: Shape;
}

/**
 * Checks that `state` has exactly the expected tensors.
 *
 * @throws ShapeError for names that are missing or unknown, and for shapes that differ
 * @throws DataError for numbers that are not finite
 */
export function checkState(
  operation: string,
  expected: readonly Expected[],
  state: ReadonlyMap<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>,
): void {
  const names = expected.map(({ name }) => name);
  const unknown = [...state.keys()].filter((name) => !names.includes(name));
  const missing = names.filter((name) => !state.has(name));
  if (unknown.length > 0 || missing.length > 0) {
    throw new ShapeError(
      `${operation}: expected tensors ${names.join(', ')}, got ${[...state.keys()].join(', ')}`,
    );
  }
  for (const { name, shape } of expected) {
    const entry = state.get(name);
    if (!entry || !sameShape(entry.shape, shape)) {
      throw new ShapeError(
        `${operation}: expected ${name} of shape ${formatShape(shape)}, got ${formatShape(entry?.shape ?? [])}`,
      );
    }
    if (entry.data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `${operation}: expected ${name} to have ${sizeOf(shape)} numbers, got ${entry.data.length}`,
      );
    }
    expectFinite(operation, name, entry.data);
  }
}
