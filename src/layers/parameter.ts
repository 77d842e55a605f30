import type { RandomStream } from '../random/threefry.js';
import { persistent, type Shape, sizeOf, type Tensor } from '../tensor.js';

/** Draws the first values of a parameter. */
export type Initializer = (size: number, fanIn: number, random: RandomStream) => Float32Array;

/**
 * Kaiming's uniform initialisation as PyTorch's layers use it (with a = √5): uniform on
 * [−1/√fanIn, 1/√fanIn], for weights and biases alike.
 *
 * Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015; PyTorch's `nn.Linear`.
 */
export function kaimingUniform(): Initializer {
  return (size, fanIn, random) => {
    const bound = 1 / Math.sqrt(fanIn);
    return Float32Array.from({ length: size }, () => (2 * random.nextFloat() - 1) * bound);
  };
}

/** Independent normal numbers of mean 0, the initialisation of the write-ups. */
export function normal({ std = 1 }: { readonly std?: number } = {}): Initializer {
  return (size, _fanIn, random) =>
    Float32Array.from({ length: size }, () => random.nextNormal() * std);
}

export function zeros(): Initializer {
  return (size) => new Float32Array(size);
}

export function ones(): Initializer {
  return (size) => new Float32Array(size).fill(1);
}

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

  /** First values, in this library's layout. */
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

/** A persistent tensor that training changes without a gradient, and that is saved with the weights. */
export class LayerBuffer {
  readonly tensor: Tensor;
  /** What every element is at first. */
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

  /** PyTorch stores it alike. */
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
