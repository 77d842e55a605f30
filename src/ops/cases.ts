/**
 * Test cases with random data, declared beside each op. `handgrad gradcheck` and the tests run them;
 * src/gradcheck turns a declaration into calls of a step.
 *
 * Tensors are identified by name. By default a call uses, for each role, the tensor of that name.
 */
import { naturalOrder, type RandomStream, shuffle } from '../random/threefry.js';
import { type DataType, type Shape, sizeOf, type Values } from '../tensor.js';
import { isFloat32, isFloat64 } from '../typed-arrays.js';

/** Random values of one tensor. */
export interface Drawn {
  readonly shape: Shape;
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** One call of a case. */
export interface CaseCall<Name extends string = string> {
  readonly op: Name;
  readonly attributes?: Readonly<Record<string, number>>;
  /** Tensor names by role, where the name differs from the role. */
  readonly tensors?: Readonly<Record<string, string>>;
  /** For outputs listed in the op's `like`: names of tensors of the same shape, by role. */
  readonly like?: Readonly<Record<string, string>>;
}

/** Calls to run on a backend and on the reference, and compare. */
export interface KernelDeclaration<Name extends string = string> {
  /** The op with its sizes, for messages: `sgd (11)`. */
  readonly title: string;
  /** Initial values, by name, of every tensor that is read before a call has written it. */
  readonly values: Readonly<Record<string, Drawn>>;
  readonly calls: readonly CaseCall<Name>[];
}

/** A differentiable function, with its hand-derived gradient. */
export interface GradientDeclaration<Name extends string = string> {
  readonly title: string;
  /** Tensors with respect to which the result is differentiated; the gradient of `x` is `dx`. */
  readonly inputs: Readonly<Record<string, Drawn>>;
  /** Tensors without a gradient, such as targets. */
  readonly constants?: Readonly<Record<string, Drawn>>;
  /** Calls that compute the result, which is the first output of the last call. */
  readonly forward: readonly CaseCall<Name>[];
  /**
   * Calls that compute the gradients. They may read the gradient of the result, such as `dy` of `y`,
   * which is random. A loss `L` has no such tensor; its gradient is 1.
   */
  readonly backward: readonly CaseCall<Name>[];
}

/** The numbers of a call, and a function that runs its reference on other values. */
export interface ReferenceCall {
  readonly sizes: Readonly<Record<string, number>>;
  readonly attributes: Readonly<Record<string, number>>;
  reference(
    tensors: Readonly<Record<string, Values>>,
    attributes: Readonly<Record<string, number>>,
  ): void;
}

/**
 * Magnitude of each output element, by role, for src/tolerance.ts: the sum Σ|aᵢbᵢ| of the absolute
 * values of its terms. A role that is left out has the absolute value of the result.
 */
export type Magnitudes = (
  operands: Readonly<Record<string, Values>>,
  call: ReferenceCall,
) => Readonly<Record<string, Values>>;

/** For ops in which nothing cancels: every bound is relative to the result. */
export const relative: Magnitudes = () => ({});

/**
 * Random cases of the ops of one file. Declare them without function calls at the top level, so that
 * bundlers leave them out of programs that check no gradients.
 */
export interface OpCases<Name extends string = string> {
  /** The stem of the file: `softmax-cross-entropy`. */
  readonly name: string;
  readonly magnitudes: Readonly<Record<Name, Magnitudes>>;
  draw(random: RandomStream): {
    /** Cases whose gradients are checked by differences, and kernels compared with the reference. */
    readonly gradients?: readonly GradientDeclaration<Name>[];
    /** Cases that are only compared with the reference: ops without a gradient, and large sizes. */
    readonly kernels?: readonly (KernelDeclaration<Name> | GradientDeclaration<Name>)[];
  };
}

/**
 * The results of the reference on absolute values.
 *
 * @param negated operands and attributes that are made negative instead
 */
export function absolute(
  operands: Readonly<Record<string, Values>>,
  call: ReferenceCall,
  ...negated: readonly string[]
): Readonly<Record<string, Values>> {
  const sign = (name: string) => (negated.includes(name) ? -1 : 1);
  const tensors = Object.fromEntries(
    Object.entries(operands).map(([role, values]) => {
      const isReal = isFloat32(values) || isFloat64(values);
      return [role, isReal ? values.map((v) => sign(role) * Math.abs(v)) : values.slice()];
    }),
  );
  const attributes = Object.fromEntries(
    Object.entries(call.attributes).map(([name, value]) => {
      return [name, negated.includes(name) ? -Math.abs(value) : value];
    }),
  );
  call.reference(tensors, attributes);
  return tensors;
}

/** Extents are drawn from 1 to 11, so that there can be two vectors of four and a remainder. */
const LARGEST_EXTENT = 11;

/** A K longer than one K-block of the GEMMs, and not a multiple of the vector size. */
export const LONG = 1029;

export function drawExtents(random: RandomStream, count: number): number[] {
  return Array.from({ length: count }, () => 1 + random.nextBelow(LARGEST_EXTENT));
}

const SMALLEST = 0.1;
const LARGEST = 2;

/**
 * Random reals of either sign with magnitudes from 0.1 to 2. None is zero, since zeros hide
 * mistakes, and none is so close to zero that a difference step would cross the corner of ReLU.
 */
export function drawReals(random: RandomStream, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => {
    const magnitude = SMALLEST + (LARGEST - SMALLEST) * random.nextFloat();
    return random.nextBelow(2) === 0 ? magnitude : -magnitude;
  });
}

/** A tensor of `drawReals`. */
export function reals(random: RandomStream, shape: Shape): Drawn {
  return { shape, data: drawReals(random, sizeOf(shape)) };
}

/** A tensor of random reals from 0.1 to 2. */
export function positiveReals(random: RandomStream, shape: Shape): Drawn {
  return { shape, data: drawReals(random, sizeOf(shape)).map(Math.abs) };
}

/**
 * A tensor of equally spaced reals from −2 to 2 in random order, for max pooling: any two differ by
 * more than a difference step, so that no step changes which one is the maximum.
 */
export function distinctReals(random: RandomStream, shape: Shape): Drawn {
  const size = sizeOf(shape);
  const order = shuffle(naturalOrder(size), random);
  return { shape, data: Float32Array.from(order, (i) => LARGEST * ((2 * i + 1) / size - 1)) };
}

/** A tensor of random integers from 0 to `bound` − 1. */
export function integers(
  random: RandomStream,
  shape: Shape,
  bound: number,
  dtype: Exclude<DataType, 'float32'> = 'int32',
): Drawn {
  const data = Int32Array.from({ length: sizeOf(shape) }, () => random.nextBelow(bound));
  return { shape, data: dtype === 'uint8' ? Uint8Array.from(data) : data };
}
