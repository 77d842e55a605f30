import type { BackendInfo, Device } from '../backends/device.js';
import { Mutex } from '../mutex.js';
import type {
  CallAttributes,
  InputRole,
  LikeRole,
  OpName,
  OutputRole,
  UpdateRole,
} from '../ops/registry.js';
import type { Shape, Values } from '../tensor.js';
import type { Operand, Result } from './operands.js';
import { type AnyOptions, SingleCalls } from './single-calls.js';

/** Real numbers: float32, or float64 from a float64 reference. */
export type Reals = Float32Array | Float64Array;

/** What `call` is given besides the operands. */
export type BackendCallOptions<Name extends OpName> = CallAttributes<Name> &
  ([LikeRole<Name>] extends [never]
    ? { readonly like?: undefined }
    : {
        /** Shapes of the outputs that do not follow from the operands, by role. */
        readonly like: Readonly<Record<LikeRole<Name>, Shape>>;
      });

type CallArguments<Name extends OpName> =
  Record<never, never> extends BackendCallOptions<Name>
    ? [options?: BackendCallOptions<Name>]
    : [options: BackendCallOptions<Name>];

/** The roles of what an op writes. */
type ResultRole<Name extends OpName> = OutputRole<Name> | UpdateRole<Name>;

/** Single ops on arrays, for every op of src/ops. */
export class NumericalCore {
  readonly #calls: SingleCalls;
  readonly #mutex = new Mutex();

  /** @param device where the work is done; see `createBackend` */
  constructor(readonly device: Device) {
    this.#calls = new SingleCalls(device);
  }

  /** The backend in use, its threads or adapter, and why something is missing. */
  get info(): BackendInfo {
    return this.device.info;
  }

  /** Runs `task` while no other task of this backend runs, so that it can write, run and read. */
  exclusive<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#mutex.run(task);
  }

  /**
   * Runs one op. Its roles, attributes and formula are in the file of src/ops that defines it.
   *
   * The named methods do the same with fewer words, and check that all numbers are finite; `call`
   * passes NaN and infinities on.
   *
   * @param op the name of the op
   * @param operands inputs and tensors to update, by role: `{ shape, data }`; they stay unchanged
   * @param options.attributes the op's constants, where it has any
   * @param options.like shapes of outputs that do not follow from the operands, where there are any
   * @returns new arrays of the outputs and the updated tensors, by role: `{ shape, data }`
   * @throws ShapeError for shapes or lengths that do not fit, DataError for integers out of range,
   *   RangeError for an op that does not exist
   * @example
   * const x = { shape: [2, 2], data: [1, -2, 3, -4] };
   * const { y } = await backend.call('reluForward', { x }); // y.data: [1, 0, 3, 0]
   */
  async call<Name extends OpName>(
    op: Name,
    operands: Readonly<Record<InputRole<Name>, Operand>>,
    ...[options = {} as BackendCallOptions<Name>]: CallArguments<Name>
  ): Promise<Readonly<Record<ResultRole<Name>, Result>>> {
    const run = () => this.#calls.run(op, operands, options as AnyOptions);
    return (await this.exclusive(run)) as Readonly<Record<ResultRole<Name>, Result>>;
  }

  /** Closes the backend after the work under way. Closing it twice is harmless. */
  close(): Promise<void> {
    return this.exclusive(async () => {
      // Waiters already received the error of failed work.
      await this.device.finish().catch(() => {});
      await this.device.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The values of a result of reals. */
export function reals({ data }: { readonly data: Values }): Reals {
  return data as Reals;
}
