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
  /** Whether PyTorch stores this matrix the other way round. */
  readonly transposed: boolean;
  readonly #fanIn: number;
  readonly #initializer: Initializer;

  constructor(
    name: string,
    shape: Shape,
    options: {
      readonly fanIn: number;
      readonly initializer: Initializer;
      readonly transposed?: boolean;
    },
  ) {
    this.tensor = persistent(name, shape);
    this.gradient = persistent(`d(${name})`, shape);
    this.transposed = options.transposed ?? false;
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
    return this.transposed ? this.tensor.shape.toReversed() : this.tensor.shape;
  }

  /** Values in PyTorch's layout, from this library's. */
  toPytorch(values: ArrayLike<number>): Float32Array {
    const [rows, columns] = this.tensor.shape;
    return this.transposed ? transpose(values, rows, columns) : Float32Array.from(values);
  }

  /** Values in this library's layout, from PyTorch's. */
  fromPytorch(values: ArrayLike<number>): Float32Array {
    const [rows, columns] = this.tensor.shape;
    return this.transposed ? transpose(values, columns, rows) : Float32Array.from(values);
  }
}

/** A persistent tensor that training changes without a gradient, and that is saved with the weights. */
export class Buffer {
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

/** (rows, columns) → (columns, rows). */
function transpose(values: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c];
  }
  return result;
}
