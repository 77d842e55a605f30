/** Element types of tensors. Reals are float32 everywhere but on the float64 reference. */
export type DataType = 'float32' | 'int32' | 'uint8';

export type Shape = readonly number[];

/** What a kernel of the reference reads and writes. */
export type Values = Float64Array | Float32Array | Int32Array | Uint8Array;

/**
 * Where a tensor lives.
 *
 *   persistent   as long as the backend: parameters, gradients, optimizer state, data, metrics
 *   activation   from its first to its last use within one step, in a shared arena
 */
export type Storage = 'persistent' | 'activation';

/** A named, shaped place for numbers. It holds none itself: each backend keeps the values. */
export class Tensor {
  constructor(
    public name: string,
    readonly shape: Shape,
    public storage: Storage,
    readonly dtype: DataType = 'float32',
  ) {}

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get byteLength(): number {
    return this.size * (this.dtype === 'uint8' ? 1 : 4);
  }
}

export function persistent(name: string, shape: Shape, dtype: DataType = 'float32'): Tensor {
  return new Tensor(name, shape, 'persistent', dtype);
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** `(64, 784)`, as messages and listings write shapes. */
export function formatShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
