import { isObject } from '../options.js';
import type { DataType, Shape, Values } from '../tensor.js';

/** Numbers by name. */
export type Numbers<Name extends string> = Readonly<Record<Name, number>>;

/** The result of an op's shape rule. */
export interface Inferred<Output extends string, Size extends string> {
  /** The shape of each output. */
  readonly outputs: Readonly<Record<Output, Shape>>;
  /** The numbers that kernels receive, by name. */
  readonly sizes: Numbers<Size>;
}

/**
 * One op: the names of its tensors and numbers, its shape rule, its formula and its reference
 * implementation. Backends, gradient checks, tolerances and benchmarks follow from it.
 *
 * A kernel receives, in this order: outputs, updates, inputs, sizes, attributes.
 */
export interface Op<
  Output extends string = string,
  Input extends string = string,
  Update extends string = string,
  Like extends string = string,
  Attribute extends string = string,
  Size extends string = string,
> {
  /** Its name, which its kernels also have: `linearForward`. */
  readonly name: string;
  /** Roles of the tensors that are written without being read. */
  readonly outputs: readonly Output[];
  /** Roles of the tensors that are changed in place, such as a weight and its moments. */
  readonly updates: readonly Update[];
  /** Roles of the tensors that are only read. */
  readonly inputs: readonly Input[];
  /** Outputs whose shape cannot be inferred from the inputs, so the caller passes it. */
  readonly like: readonly Like[];
  /** Element types by role, where they are not float32. */
  readonly dtypes: { readonly [Role in NoInfer<Output | Input | Update>]?: DataType };
  /**
   * For inputs that contain class numbers or indices: each value must be below this bound. An array
   * has one bound per value. Callers check it, and kernels rely on it.
   */
  readonly below: {
    readonly [Role in NoInfer<Input>]?: (
      sizes: Numbers<Size>,
      shapes: Readonly<Record<Input | Update, Shape>>,
    ) => number | readonly number[];
  };
  /** Names of the constants that are fixed when the step is built, in kernel order. */
  readonly attributes: readonly Attribute[];
  /** Names of the numbers that the shape rule derives for kernels, in kernel order. */
  readonly sizes: readonly Size[];
  /** The op as a formula, in the notation of the file's header: `y = x·W + b`. */
  readonly formula: string;
  /**
   * The shape rule: checks the shapes of inputs and updates, and infers outputs and sizes.
   *
   * @param shapes of inputs, updates, and the outputs listed in `like`
   * @throws ShapeError when the shapes do not fit together
   */
  shapes(
    shapes: Readonly<Record<Input | Update | Like, Shape>>,
    attributes: Numbers<Attribute>,
  ): Inferred<Output, Size>;
  /**
   * How many numbers are summed into one element of an output (of an update, where there are no
   * outputs); 1 for element-wise ops. Tolerances, the cost of a call and FLOPs follow from it.
   */
  terms(sizes: Numbers<Size>, attributes: Numbers<Attribute>): number;
  /** Plain loops. The reference backend runs them; all other kernels are tested against them. */
  reference(
    tensors: Readonly<Record<Output | Input | Update, Values>>,
    sizes: Numbers<Size>,
    attributes: Numbers<Attribute>,
  ): void;
}

/** The properties of an op that determine the types of its calls. */
export type AnyOp = Pick<Op, 'name' | 'outputs' | 'updates' | 'inputs' | 'like' | 'attributes'>;

/** Roles of the outputs of an op. */
export type OutputRole<O extends AnyOp> = O['outputs'][number];
/** Roles of the outputs whose shape the caller passes. */
export type LikeRole<O extends AnyOp> = O['like'][number];
/** Roles of the tensors that an op changes in place. */
export type UpdateRole<O extends AnyOp> = O['updates'][number];
/** Roles of the tensors that an op reads, or changes in place. */
export type InputRole<O extends AnyOp> = O['inputs'][number] | UpdateRole<O>;
type AttributeName<O extends AnyOp> = O['attributes'][number];

/** The tensors that are passed to a call, by role: inputs and updates. */
export type OpTensors<O extends AnyOp, T> = Readonly<Record<InputRole<O>, T>>;

/** The `attributes` option of a call; it is required if the op has any. */
export type CallAttributes<O extends AnyOp> = [AttributeName<O>] extends [never]
  ? { readonly attributes?: Readonly<Record<string, never>> }
  : { readonly attributes: Readonly<Record<AttributeName<O>, number>> };

/** Fields that an op may omit when they are empty. */
type Optional = 'outputs' | 'updates' | 'like' | 'dtypes' | 'below' | 'attributes';

/** Fills in the omitted fields, and lets TypeScript infer the names as literal types. */
export function defineOp<
  const Input extends string,
  const Size extends string,
  const Output extends string = never,
  const Update extends string = never,
  const Like extends string = never,
  const Attribute extends string = never,
>(
  op: Omit<Op<Output, Input, Update, Like, Attribute, Size>, Optional | 'name'> &
    Partial<Pick<Op<Output, Input, Update, Like, Attribute, Size>, Optional>>,
): Omit<Op<Output, Input, Update, Like, Attribute, Size>, 'name'> {
  return { outputs: [], updates: [], like: [], dtypes: {}, below: {}, attributes: [], ...op };
}

/** Marks ops, also those of another copy of the library. Not copied by a spread. */
const OP = Symbol.for('handgrad.Op');

/** Whether a value is an op of this library. */
export function isOp(value: unknown): value is Op {
  return isObject(value) && (value as { readonly [OP]?: true })[OP] === true;
}

/** Names ops by their keys. */
export function defineOps<Ops extends Readonly<Record<string, object>>>(
  ops: Ops,
): { readonly [Name in keyof Ops]: Ops[Name] & { readonly name: string } } {
  const named = Object.entries(ops).map(([name, op]) => {
    return [name, Object.defineProperty({ name, ...op }, OP, { value: true })];
  });
  return Object.fromEntries(named) as never;
}
