/**
 * Random test data of an op, declared beside its definition: what `handgrad gradcheck` and the
 * tests run. src/gradcheck turns a declaration into calls of a step.
 *
 * Tensors are known by name; a call takes the tensor named like each role unless told otherwise.
 */
import { type RandomStream, shuffle } from '../random/threefry.js';
import { type DataType, type Shape, sizeOf, type Values } from '../tensor.js';

/** Values that a case starts from. */
export interface Drawn {
  readonly shape: Shape;
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** One call of a case. */
export interface CaseCall<Name extends string = string> {
  readonly op: Name;
  readonly attributes?: Readonly<Record<string, number>>;
  /** Names of tensors by role, where they differ from the role. */
  readonly tensors?: Readonly<Record<string, string>>;
  /** Names of the tensors that lend outputs their shape, by role. */
  readonly like?: Readonly<Record<string, string>>;
}

/** Calls to run on a backend and on the reference. */
export interface KernelDeclaration<Name extends string = string> {
  /** The op with its sizes, for messages: `sgd (11)`. */
  readonly title: string;
  /** Every tensor that a call reads before another has written it, by name. */
  readonly values: Readonly<Record<string, Drawn>>;
  readonly calls: readonly CaseCall<Name>[];
}

/** A differentiable function, with its hand-derived gradient. */
export interface GradientDeclaration<Name extends string = string> {
  readonly title: string;
  /** Tensors that the result is differentiated by; the gradient of `x` is named `dx`. */
  readonly inputs: Readonly<Record<string, Drawn>>;
  /** Tensors that it is not differentiated by, such as targets. */
  readonly constants?: Readonly<Record<string, Drawn>>;
  /** Calls that compute the result: the first output of the last one. */
  readonly forward: readonly CaseCall<Name>[];
  /**
   * Calls that compute the gradients. They may read the gradient of the result, which is random and
   * named like the result with a d in front, unless the result is a loss L.
   */
  readonly backward: readonly CaseCall<Name>[];
}

/** What an op computed on the reference, and how to compute it again on other values. */
export interface ReferenceCall {
  readonly sizes: Readonly<Record<string, number>>;
  readonly attributes: Readonly<Record<string, number>>;
  reference(
    tensors: Readonly<Record<string, Values>>,
    attributes: Readonly<Record<string, number>>,
  ): void;
}

/**
 * Σ|aᵢbᵢ| of each output element, by role: its size if nothing cancelled. Roles that are left out
 * have the size of the result.
 */
export type Magnitudes = (
  operands: Readonly<Record<string, Values>>,
  call: ReferenceCall,
) => Readonly<Record<string, Values>>;

/** Nothing cancels: every bound is relative to the result. */
export const relative: Magnitudes = () => ({});

/** Random cases of the ops of one file. */
export interface OpCases<Name extends string = string> {
  /** The stem of the file: `softmax-cross-entropy`. */
  readonly name: string;
  readonly magnitudes: Readonly<Record<Name, Magnitudes>>;
  draw(random: RandomStream): {
    /** Their gradients are checked, and their kernels compared. */
    readonly gradients?: readonly GradientDeclaration<Name>[];
    /** Only compared: ops without a gradient, and sizes too large for differences. */
    readonly kernels?: readonly (KernelDeclaration<Name> | GradientDeclaration<Name>)[];
  };
}

/**
 * The results of the reference on absolute values.
 *
 * @param negated operands and attributes that are made negative instead
 */
export function absolute(...negated: readonly string[]): Magnitudes {
  return (operands, call) => {
    const sign = (name: string) => (negated.includes(name) ? -1 : 1);
    const tensors = Object.fromEntries(
      Object.entries(operands).map(([role, values]) => {
        const isReal = values instanceof Float32Array || values instanceof Float64Array;
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
  };
}

/** Extents are drawn from 1 to this: more than two vectors of four and a remainder. */
const LARGEST_EXTENT = 11;

/** Longer than a block of the GEMM, and no multiple of a vector. */
export const LONG = 1029;

export function drawExtents(random: RandomStream, count: number): number[] {
  return Array.from({ length: count }, () => 1 + random.nextBelow(LARGEST_EXTENT));
}

const SMALLEST = 0.1;
const LARGEST = 2;

/**
 * Random reals of either sign, from 0.1 to 2 in magnitude. None is zero, since zeros hide mistakes,
 * and none is so near zero that a difference step would cross it, where ReLU has its corner.
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
 * A tensor of equally spaced reals from −2 to 2 in random order: the largest of some exceeds the
 * others by more than a difference step.
 */
export function distinctReals(random: RandomStream, shape: Shape): Drawn {
  const size = sizeOf(shape);
  const places = shuffle(
    Int32Array.from({ length: size }, (_, i) => i),
    random,
  );
  return { shape, data: Float32Array.from(places, (at) => LARGEST * ((2 * at + 1) / size - 1)) };
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
