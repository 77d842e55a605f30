import type { BackendInfo, Runtime } from '../backends/runtime.js';
import { Gate } from '../concurrency/gate.js';
import { Mutex } from '../concurrency/mutex.js';
import { BackendError } from '../errors.js';
import type {
  CallAttributes,
  InputRole,
  LikeRole,
  OutputRole,
  UpdateRole,
} from '../ops/define-op.js';
import type { OPS, OpName } from '../ops/registry.js';
import { expectKind, expectMade } from '../options.js';
import { ASYNC_DISPOSE } from '../platform/async-dispose.js';
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

/** Single ops on arrays, for every op of src/ops. */
export class NumericalCore {
  readonly #calls: SingleCalls;
  readonly #mutex = new Mutex();
  readonly #gate = new Gate();

  /** Keeps Vue from wrapping this object in a proxy, which cannot read private fields. */
  protected readonly __v_skip = true;
  /** @param runtime runs the ops; `createBackend` makes one */
  constructor(readonly runtime: Runtime) {
    expectMade('Backend', 'runtime', runtime, 'compile', 'a runtime; call await createBackend(…)');
    this.#calls = new SingleCalls(runtime);
  }

  /** The backend in use, its threads or adapter, and the reasons for missing features. */
  get info(): BackendInfo {
    return this.runtime.info;
  }

  /** Runs `task` while no other task of this backend runs: it can write, run and read undisturbed. */
  exclusive<Result>(task: () => Promise<Result>): Promise<Result> {
    expectKind('exclusive', 'task', task, 'function');
    return this.#mutex.run(task);
  }

  /**
   * Runs `task`, which may make several exclusive requests; `close` waits until it has ended.
   *
   * @throws BackendError after `close` was called
   */
  async keepOpen<Result>(task: () => Promise<Result>): Promise<Result> {
    expectKind('keepOpen', 'task', task, 'function');
    if (this.#gate.isClosed) throw new BackendError(`${this.info.backend}: the backend is closed`);
    return this.#gate.enter(task);
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
    const results = await this.keepOpen(() => this.request(op, operands, options as AnyOptions));
    return results as Readonly<Record<ResultRole<Name>, Result>>;
  }

  /** Runs one op within a task of `keepOpen`. */
  protected async request(
    op: OpName,
    operands: Readonly<Record<string, Operand>>,
    options: AnyOptions = {},
  ): Promise<Record<string, Result>> {
    const results = await this.exclusive(() => this.#calls.run(op, operands, options));
    return results();
  }

  /**
   * Closes the backend once running calls have ended, and refuses later ones. A running `fit` rejects
   * after its current steps. Closing it twice is harmless.
   */
  async close(): Promise<void> {
    await this.#gate.close();
    await this.exclusive(async () => {
      // The callers have already received this error.
      await this.runtime.finish().catch(() => {});
      await this.runtime.close();
    });
  }

  /** Closes the backend at the end of an `await using` block. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }
}

/** The data of a result that is known to hold real numbers. */
export function reals({ data }: { readonly data: Values }): Reals {
  return data as Reals;
}
