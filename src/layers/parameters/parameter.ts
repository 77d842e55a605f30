import { expectInteger, expectLength, expectNumber } from '../../checks.js';
import { expectKind, expectMade, expectOptions } from '../../options.js';
import type { RandomStream } from '../../random/threefry.js';
import { persistent, type Shape, sizeOf, type Tensor } from '../../tensor.js';
import type { Initializer } from './initializers.js';

/**
 * A tensor that training updates, with its gradient.
 *
 * @example new Parameter('weight', [784, 30], { fanIn: 784, initializer: kaimingUniform() })
 */
export class Parameter {
  /** The values, in the layout of this library. */
  readonly tensor: Tensor;
  /** Gradient of the loss with respect to `tensor`: assigned, not accumulated, by each step. */
  readonly gradient: Tensor;
  /** For each axis of PyTorch's layout, the axis of this tensor. */
  readonly #pytorchAxes: readonly number[];
  readonly #fanIn: number;
  readonly #initializer: Initializer;

  /**
   * @param name its name within the layer, as in PyTorch
   * @param shape its shape in the layout of this library
   */
  constructor(
    name: string,
    shape: Shape,
    options: {
      /** Number of inputs that each output is computed from, for the initializer. */
      readonly fanIn: number;
      readonly initializer: Initializer;
      /** For each axis of PyTorch's layout, the axis of `shape`: [1, 0] for a transposed matrix. */
      readonly pytorchAxes?: readonly number[];
    },
  ) {
    expectOptions('Parameter', options, {
      fanIn: 'any',
      initializer: 'any',
      pytorchAxes: 'array',
    });
    expectKind('Parameter', 'initializer', options.initializer, 'function');
    expectNumber('Parameter', 'fanIn', options.fanIn, 0);
    for (const axis of options.pytorchAxes ?? [])
      expectInteger('Parameter', 'pytorchAxes', axis, 0);
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

  /** Prefixes its name with the name of the enclosing block. */
  prefix(name: string): void {
    expectKind('prefix', 'name', name, 'string');
    this.tensor.name = `${name}.${this.tensor.name}`;
    this.gradient.name = `d(${this.tensor.name})`;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.tensor.shape);
  }

  /** Draws initial values, in the layout of this library. */
  initialValues(random: RandomStream): Float32Array {
    expectMade('initialValues', 'random', random, 'nextFloat', 'a RandomStream');
    const values = this.#initializer(this.size, this.#fanIn, random);
    expectLength(this.name, 'the initial values', values, this.size, 'size');
    return values;
  }

  /** Its shape in PyTorch's layout. */
  get pytorchShape(): Shape {
    return this.#pytorchAxes.map((axis) => this.tensor.shape[axis]);
  }

  /** Converts values from the layout of this library to PyTorch's. */
  toPytorch(values: ArrayLike<number>): Float32Array {
    expectLength('toPytorch', 'values', values, this.size, 'size');
    return permute(values, this.tensor.shape, this.#pytorchAxes);
  }

  /** Converts values from PyTorch's layout to the layout of this library. */
  fromPytorch(values: ArrayLike<number>): Float32Array {
    expectLength('fromPytorch', 'values', values, this.size, 'size');
    const back = this.tensor.shape.map((_, axis) => this.#pytorchAxes.indexOf(axis));
    return permute(values, this.pytorchShape, back);
  }
}

/** A persistent tensor that training changes without a gradient. It is saved with the weights. */
export class LayerBuffer {
  /** The values, in the same layout as PyTorch's. */
  readonly tensor: Tensor;
  /** The initial value of every element. */
  readonly initialValue: number;

  /**
   * @param name its name within the layer, as in PyTorch
   * @param initialValue of every element
   */
  constructor(name: string, shape: Shape, initialValue: number) {
    this.tensor = persistent(name, shape);
    expectNumber('LayerBuffer', 'initialValue', initialValue);
    this.initialValue = initialValue;
  }

  /** Its name in a PyTorch `state_dict`: `1.running_mean`. */
  get name(): string {
    return this.tensor.name;
  }

  /** Prefixes its name with the name of the enclosing block. */
  prefix(name: string): void {
    expectKind('prefix', 'name', name, 'string');
    this.tensor.name = `${name}.${this.tensor.name}`;
  }

  /** Its shape in PyTorch's layout, which is the same. */
  get pytorchShape(): Shape {
    return this.tensor.shape;
  }

  /** Copies values; the layouts are the same. */
  toPytorch(values: ArrayLike<number>): Float32Array {
    expectLength('toPytorch', 'values', values, sizeOf(this.tensor.shape), 'size');
    return Float32Array.from(values);
  }

  /** Copies values; the layouts are the same. */
  fromPytorch(values: ArrayLike<number>): Float32Array {
    expectLength('fromPytorch', 'values', values, sizeOf(this.tensor.shape), 'size');
    return Float32Array.from(values);
  }
}

/** Transposes values of this shape: axis i of the result is axis `axes[i]`. */
function permute(values: ArrayLike<number>, shape: Shape, axes: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const extents = axes.map((axis) => shape[axis]);
  const steps = axes.map((axis) => strides[axis]);
  const index = axes.map(() => 0);
  const result = new Float32Array(values.length);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from];
    // Counts like an odometer: the last axis advances, and carries to the axis before it.
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
