import { ShapeError } from '../errors.js';
import { formatShape, type Shape, sameShape } from '../tensor.js';

/** @throws ShapeError unless every shape equals the first */
export function expectSameShapes(operation: string, shapes: Readonly<Record<string, Shape>>): void {
  const [[firstRole, first], ...others] = Object.entries(shapes);
  for (const [role, shape] of others) {
    if (!sameShape(shape, first)) {
      throw new ShapeError(
        `${operation}: expected ${role} of shape ${formatShape(first)} like ${firstRole}, got ${formatShape(shape)}`,
      );
    }
  }
}

/** @throws ShapeError unless `shape` is `expected` */
export function expectShape(operation: string, role: string, shape: Shape, expected: Shape): void {
  if (!sameShape(shape, expected)) {
    throw new ShapeError(
      `${operation}: expected ${role} of shape ${formatShape(expected)}, got ${formatShape(shape)}`,
    );
  }
}

/** @throws ShapeError unless `shape` has the rank of `form`, such as `(B, C)` */
export function expectRank(operation: string, role: string, shape: Shape, form: string): void {
  if (shape.length !== form.split(',').length) {
    throw new ShapeError(
      `${operation}: expected ${role} of shape ${form}, got ${formatShape(shape)}`,
    );
  }
}

/** @throws ShapeError unless x is (…, C); `what` names the last axis, such as `channels` */
export function expectLastAxis(operation: string, x: Shape, C: number, what: string): void {
  if (x.length >= 2 && x[x.length - 1] === C) return;
  throw new ShapeError(
    `${operation}: expected input of shape (…, ${C}), ${what} last, got ${formatShape(x)}`,
  );
}

/** @throws ShapeError unless `shape` is (B, H, W, C) */
export function expectImages(operation: string, role: string, shape: Shape): void {
  if (shape.length === 4) return;
  const hint = shape.length === 2 ? '; wrap the model in onImages' : '';
  throw new ShapeError(
    `${operation}: expected ${role} of shape (B, H, W, C), got ${formatShape(shape)}${hint}`,
  );
}
