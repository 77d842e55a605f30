import { ShapeError } from '../errors.js';
import { formatShape, type Shape, sameShape, type Values } from '../tensor.js';

/**
 * One kernel as every backend knows it: its name, the roles of its tensors, its shape rule and
 * its reference implementation.
 *
 * A backend's kernel receives, in this order: outputs, inputs, sizes, attributes.
 */
export interface Op<
  Output extends string = string,
  Input extends string = string,
  Attribute extends string = string,
> {
  /** Tensors that are written. One that is also read, like a weight in an update, is listed here. */
  readonly outputs: readonly Output[];
  readonly inputs: readonly Input[];
  /** Numbers fixed when the step is built, such as momentum. */
  readonly attributes: readonly Attribute[];
  /** What it computes, in the names of the roles: `y = x·W + b`. */
  readonly formula: string;
  /**
   * The shape rule: checks the shapes and returns the sizes that kernels take.
   *
   * @throws ShapeError when the shapes do not fit together
   */
  sizes(
    shapes: Readonly<Record<Output | Input, Shape>>,
    attributes: Readonly<Record<Attribute, number>>,
  ): readonly number[];
  /** The truth that other backends are tested against. */
  reference(
    tensors: Readonly<Record<Output | Input, Values>>,
    sizes: readonly number[],
    attributes: Readonly<Record<Attribute, number>>,
  ): void;
}

/** Fills in the empty attribute list and lets TypeScript infer the role names. */
export function defineOp<
  const Output extends string,
  const Input extends string,
  const Attribute extends string = never,
>(
  op: Omit<Op<Output, Input, Attribute>, 'attributes'> & { attributes?: readonly Attribute[] },
): Op<Output, Input, Attribute> {
  return { ...op, attributes: op.attributes ?? [] };
}

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

/** @throws ShapeError unless `shape` has as many extents as `form` has letters, such as `(B, C)` */
export function expectRank(operation: string, role: string, shape: Shape, form: string): void {
  if (shape.length !== form.split(',').length) {
    throw new ShapeError(
      `${operation}: expected ${role} of shape ${form}, got ${formatShape(shape)}`,
    );
  }
}

/** @throws ShapeError unless `shape` is that of images, (B, H, W, C) */
export function expectImages(operation: string, role: string, shape: Shape): void {
  if (shape.length === 4) return;
  const mend = shape.length === 2 ? '; make images of it first, by onImages' : '';
  throw new ShapeError(
    `${operation}: expected ${role} of shape (B, H, W, C), got ${formatShape(shape)}${mend}`,
  );
}

/** [B] of a binary loss: z (B, 1), p (B, 1) and t (B). */
export function binarySizes(operation: string, z: Shape, p: Shape, t: Shape): readonly number[] {
  expectShape(operation, 'logits', z, [z[0], 1]);
  expectSameShapes(operation, { z, p });
  expectShape(operation, 'targets', t, [z[0]]);
  return [z[0]];
}
