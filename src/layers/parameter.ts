import type { RandomStream } from '../random/threefry.js';
import { persistent, type Shape, sizeOf, type Tensor } from '../tensor.js';
import type { Initializer } from './initializers.js';

/** A tensor that training changes, with its gradient. */
export class Parameter {
  readonly tensor: Tensor;
  /** Gradient of the loss with respect to `tensor`: assigned, not accumulated, by each step. */
  readonly gradient: Tensor;
  /** For each axis of PyTorch's layout, which of this tensor's axes it is. */
  readonly #pytorchAxes: readonly number[];
  readonly #fanIn: number;
  readonly #initializer: Initializer;

  constructor(
    name: string,
    shape: Shape,
    options: {
      readonly fanIn: number;
      readonly initializer: Initializer;
      /** For each axis of PyTorch's layout, which of `shape` it is: [1, 0] for a transposed matrix. */
      readonly pytorchAxes?: readonly number[];
    },
  ) {
    this.tensor = persistent(name, shape);
    this.gradient = persistent(`d(${name})`, shape);
    this.#pytorchAxes = options.pytorchAxes ?? shape.map((_, axis) => axis);
    this.#fanIn = options.fanIn;
    this.#initializer = options.initializer;
  }

  /** Its name in a PyTorch `state_dict`: `0.weight`. */
  get name(): string {
    return this.tensor.name;
  }

  /** Puts the name of the enclosing block in front. */
  prefix(name: string): void {
    this.tensor.name = `${name}.${this.tensor.name}`;
    this.gradient.name = `d(${this.tensor.name})`;
  }

  get size(): number {
    return sizeOf(this.tensor.shape);
  }

  /** Initial values, in this library's layout. */
  initialValues(random: RandomStream): Float32Array {
    return this.#initializer(this.size, this.#fanIn, random);
  }

  /** The shape in which PyTorch stores it. */
  get pytorchShape(): Shape {
    return this.#pytorchAxes.map((axis) => this.tensor.shape[axis]);
  }

  /** Values in PyTorch's layout, from this library's. */
  toPytorch(values: ArrayLike<number>): Float32Array {
    return permute(values, this.tensor.shape, this.#pytorchAxes);
  }

  /** Values in this library's layout, from PyTorch's. */
  fromPytorch(values: ArrayLike<number>): Float32Array {
    const back = this.tensor.shape.map((_, axis) => this.#pytorchAxes.indexOf(axis));
    return permute(values, this.pytorchShape, back);
  }
}

/** A persistent tensor that training changes without a gradient. It is saved with the weights. */
export class LayerBuffer {
  readonly tensor: Tensor;
  /** The initial value of every element. */
  readonly initialValue: number;

  constructor(name: string, shape: Shape, initialValue: number) {
    this.tensor = persistent(name, shape);
    this.initialValue = initialValue;
  }

  get name(): string {
    return this.tensor.name;
  }

  /** Puts the name of the enclosing block in front. */
  prefix(name: string): void {
    this.tensor.name = `${name}.${this.tensor.name}`;
  }

  /** PyTorch stores it in the same shape. */
  get pytorchShape(): Shape {
    return this.tensor.shape;
  }

  toPytorch(values: ArrayLike<number>): Float32Array {
    return Float32Array.from(values);
  }

  fromPytorch(values: ArrayLike<number>): Float32Array {
    return Float32Array.from(values);
  }
}

/** Values of a tensor whose axis i is axis `axes[i]` of one of this shape. */
function permute(values: ArrayLike<number>, shape: Shape, axes: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const extents = axes.map((axis) => shape[axis]);
  const steps = axes.map((axis) => strides[axis]);
  const index = axes.map(() => 0);
  const result = new Float32Array(values.length);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from];
    // Like an odometer: the last axis turns, and carries to the one before it.
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      index[axis]++;
      if (index[axis] < extents[axis]) break;
      from -= steps[axis] * extents[axis];
      index[axis] = 0;
    }
  }
  return result;
}
