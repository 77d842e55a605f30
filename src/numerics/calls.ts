import type { Runtime } from '../backends/runtime.js';
import type {
  CallAttributes,
  InputRole,
  LikeRole,
  OutputRole,
  UpdateRole,
} from '../ops/define-op.js';
import type { OPS, OpName } from '../ops/registry.js';
import type { Shape, Values } from '../tensor.js';
import type { Operand, Result } from './operands.js';
import { type AnyOptions, SingleCalls } from './single-calls.js';

/** Real numbers: float32, or float64 from a float64 reference. */
export type Reals = Float32Array | Float64Array;

type Named<Name extends OpName> = (typeof OPS)[Name];

/** Options of `call`: attributes of the op, and shapes that cannot be inferred. */
export type BackendCallOptions<Name extends OpName> = CallAttributes<Named<Name>> &
  ([LikeRole<Named<Name>>] extends [never]
    ? { readonly like?: undefined }
    : {
        /** Shapes of the outputs that cannot be inferred, by role. */
        readonly like: Readonly<Record<LikeRole<Named<Name>>, Shape>>;
      });

type CallArguments<Name extends OpName> =
  Record<never, never> extends BackendCallOptions<Name>
    ? [options?: BackendCallOptions<Name>]
    : [options: BackendCallOptions<Name>];

/** Roles of outputs and updates. */
type ResultRole<Name extends OpName> = OutputRole<Named<Name>> | UpdateRole<Named<Name>>;

/** Runs a task while no other task of the backend runs. */
export type Exclusive = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** Every op of src/ops on arrays. */
export class Calls {
  readonly #calls: SingleCalls;
  readonly #exclusive: Exclusive;

  constructor(runtime: Runtime, exclusive: Exclusive) {
    this.#calls = new SingleCalls(runtime);
    this.#exclusive = exclusive;
  }

  /**
   * Runs one op. Its roles, attributes and formula are in the file of src/ops that defines it.
   *
   * The named methods, such as `matmul`, are shorter and check that all numbers are finite. `call`
   * accepts NaN and infinities.
   *
   * @param op the name of the op, as in src/ops
   * @param operands inputs and updates by role, as `{ shape, data }`; the arrays stay unchanged
   * @param options.attributes constants of the op, if it has any
   * @param options.like shapes of outputs that cannot be inferred, if there are any
   * @returns outputs and updates by role, as `{ shape, data }` with new arrays
   * @throws ShapeError for shapes or lengths that do not fit, DataError for integers out of range,
   *   RangeError for an op that does not exist
   * @example
   * const x = { shape: [2, 2], data: [1, -2, 3, -4] };
   * const { y } = await backend.call('reluForward', { x }); // y.data: [1, 0, 3, 0]
   */
  async call<Name extends OpName>(
    op: Name,
    operands: Readonly<Record<InputRole<Named<Name>>, Operand>>,
    ...[options = {} as BackendCallOptions<Name>]: CallArguments<Name>
  ): Promise<Readonly<Record<ResultRole<Name>, Result>>> {
    const results = await this.#exclusive(() =>
      this.#calls.run(op, operands, options as AnyOptions),
    );
    return (await results()) as Readonly<Record<ResultRole<Name>, Result>>;
  }
}

/** The data of a result that is known to hold real numbers. */
export function reals({ data }: { readonly data: Values }): Reals {
  return data as Reals;
}
