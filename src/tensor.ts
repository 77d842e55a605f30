import { expectKind, isObject } from './options.js';

/** Element types of tensors. The float64 reference stores `float32` tensors in 64 bits. */
export type DataType = 'float32' | 'int32' | 'uint8';

/** Extents of the axes. Values are row-major: the last axis is contiguous. */
export type Shape = readonly number[];

/** Arrays that reference kernels read and write. */
export type Values = Float64Array | Float32Array | Int32Array | Uint8Array;

/**
 * How long the values of a tensor are kept.
 *
 *   persistent   between steps, until released: parameters, gradients, optimizer state, data, metrics
 *   activation   from the first to the last use within one step, in a shared arena
 */
export type Storage = 'persistent' | 'activation';

/** Marks tensors, also those of another copy of the library: modules of a worker import their own. */
const TENSOR: unique symbol = Symbol.for('handgrad.Tensor');

/** A named array of fixed shape. It holds no values itself; each backend stores them. */
export class Tensor {
  constructor(
    public name: string,
    readonly shape: Shape,
    public storage: Storage,
    readonly dtype: DataType = 'float32',
  ) {
    expectKind('Tensor', 'name', name, 'string');
    expectKind('Tensor', 'shape', shape, 'array');
    for (const extent of shape) expectKind('Tensor', 'every extent', extent, 'integer');
    expectKind('Tensor', 'storage', storage, ['persistent', 'activation']);
    expectKind('Tensor', 'dtype', dtype, ['float32', 'int32', 'uint8']);
  }

  get [TENSOR](): true {
    return true;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes of the values, at 4 bytes per number, or 1 for `uint8`. */
  get byteLength(): number {
    return this.size * (this.dtype === 'uint8' ? 1 : 4);
  }
}

/** Whether a value is a tensor. */
export function isTensor(value: unknown): value is Tensor {
  return isObject(value) && TENSOR in value;
}

/** A tensor whose values are kept between steps. */
export function persistent(name: string, shape: Shape, dtype: DataType = 'float32'): Tensor {
  return new Tensor(name, shape, 'persistent', dtype);
}

/** Number of elements of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** A shape for messages and listings: `(64, 784)`. */
export function formatShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/** Whether two shapes have the same extents. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
