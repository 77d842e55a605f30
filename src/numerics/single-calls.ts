import type { Executable, Runtime } from '../backends/runtime.js';
import { dtypeOf } from '../call.js';
import { expectInteger, expectLength } from '../checks.js';
import { DataError, shown } from '../errors.js';
import { isOp } from '../ops/define-op.js';
import { OPS, type OpName, opNamed } from '../ops/registry.js';
import { didYouMean, expectOptions, hasOwn, isObject } from '../options.js';
import { callAny, Step } from '../step.js';
import { type DataType, persistent, type Shape, sizeOf, type Tensor } from '../tensor.js';
import { numbersOf } from '../typed-arrays.js';
import type { Operand, Result } from './operands.js';

/** Options of a call whose op is only known at run time. */
export interface AnyOptions {
  readonly attributes?: Readonly<Record<string, number>>;
  readonly like?: Readonly<Record<string, Shape>>;
}

interface CompiledCall {
  readonly executable: Executable;
  /** By role: operands and results. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Exclusive upper bounds of integer operands, by role: one for all values, or one for each. */
  readonly bounds: Readonly<Record<string, number | readonly number[]>>;
}

/** Number of compiled calls to keep: enough for a hand-written network. */
const CAPACITY = 64;

/** Smallest and largest integers of a type. */
const RANGES: Readonly<Record<Exclude<DataType, 'float32'>, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
};

/**
 * Runs single ops on arrays. Each combination of op, shapes and attributes is compiled once, as a step
 * of one call, and kept while it is among the `CAPACITY` most recently used.
 */
export class SingleCalls {
  readonly #runtime: Runtime;
  readonly #compiled = new Map<string, CompiledCall>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Runs one op.
   *
   * @param operands inputs and updates by role
   * @returns copies of all outputs and updates, by role, in a function that waits for them: other calls
   *   may be requested before
   * @throws ShapeError for shapes or lengths that do not fit, DataError for integers out of range,
   *   RangeError for an op that does not exist
   */
  async run(
    op: OpName,
    operands: Readonly<Record<string, Operand>>,
    options: AnyOptions,
  ): Promise<() => Promise<Record<string, Result>>> {
    expectName(op);
    expectOptions(op, options, { attributes: 'object', like: 'object' });
    expectOperands(op, operands);
    const { executable, tensors, bounds } = await this.#compile(op, operands, options);
    const values = Object.entries(operands).map(([role, { data }]) => {
      return [role, numbersOf(op, role, data)] as const;
    });
    for (const [role, data] of values) {
      const { dtype } = tensors[role];
      if (dtype === 'float32') continue;
      const bound = bounds[role];
      const [least, most] = RANGES[dtype];
      expectIntegers(op, role, data, (i) => {
        if (bound === undefined) return [least, most];
        return [0, Math.min(most, (typeof bound === 'number' ? bound : bound[i]) - 1)];
      });
    }
    for (const [role, data] of values) this.#runtime.write(tensors[role], data);
    await executable.run(1);
    const { outputs, updates } = opNamed(op);
    const reads = Promise.all(
      [...outputs, ...updates].map(async (role) => {
        const { shape } = tensors[role];
        return [role, { shape, data: await this.#runtime.read(tensors[role]) }] as const;
      }),
    );
    return async () => Object.fromEntries(await reads);
  }

  async #compile(
    op: OpName,
    operands: Readonly<Record<string, Operand>>,
    options: AnyOptions,
  ): Promise<CompiledCall> {
    for (const [role, { shape, data }] of Object.entries(operands)) {
      for (const extent of shape) expectInteger(op, `every extent of ${role}`, extent);
      expectLength(op, role, data, sizeOf(shape), shape.join('·'));
    }
    const shapes = Object.fromEntries(
      Object.entries(operands).map(([role, { shape }]) => [role, shape]),
    );
    const key = JSON.stringify([op, shapes, options.like, options.attributes], exactly);
    const known = this.#compiled.get(key);
    this.#compiled.delete(key);
    const compiled = known ?? (await this.#build(op, shapes, options));
    this.#compiled.set(key, compiled);
    this.#evict();
    return compiled;
  }

  async #build(
    op: OpName,
    shapes: Readonly<Record<string, Shape>>,
    { attributes = {}, like = {} }: AnyOptions,
  ): Promise<CompiledCall> {
    const definition = opNamed(op);
    const read = Object.fromEntries(
      Object.entries(shapes).map(([role, shape]) => {
        return [role, persistent(role, shape, dtypeOf(definition, role))];
      }),
    );
    const step = new Step();
    const written = callAny(step, definition, read, { attributes, like });
    for (const tensor of Object.values(written)) step.keep(tensor);
    const [{ sizes }] = step.calls;
    const bounds = Object.entries(definition.below).flatMap(([role, bound]) => {
      return bound ? [[role, bound(sizes, shapes)] as const] : [];
    });
    return {
      executable: await this.#runtime.compile(step),
      tensors: { ...read, ...written },
      bounds: Object.fromEntries(bounds),
    };
  }

  /** Evicts the least recently used calls. A Map keeps insertion order, and each use inserts anew. */
  #evict(): void {
    for (const [key, { executable, tensors }] of this.#compiled) {
      if (this.#compiled.size <= CAPACITY) return;
      this.#compiled.delete(key);
      executable.close();
      this.#runtime.release(Object.values(tensors));
    }
  }
}

/** Writes NaN and infinities as text: JSON would write null for each of them. */
function exactly(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** @throws RangeError unless there is an op of this name */
function expectName(op: unknown): void {
  if (typeof op === 'string' && hasOwn(OPS, op)) return;
  if (isOp(op)) {
    throw new RangeError(`call: expected the name of an op, got the op; pass '${op.name}'`);
  }
  const hint = typeof op === 'string' ? didYouMean(op, Object.keys(OPS)) : '';
  throw new RangeError(`call: expected the name of an op, got ${shown(op)}${hint}`);
}

/** @throws TypeError unless each operand is `{ shape, data }` */
function expectOperands(op: OpName, operands: Readonly<Record<string, Operand>>): void {
  const expected = 'operands by role, each { shape, data }';
  if (!isObject(operands)) {
    throw new TypeError(`${op}: expected ${expected}, got ${shown(operands)}`);
  }
  for (const [role, operand] of Object.entries(operands)) {
    if (Array.isArray(operand?.shape)) continue;
    throw new TypeError(`${op}: expected ${expected}, got ${shown(operand)} as ${role}`);
  }
}

/**
 * @param rangeOf the smallest and largest value that is allowed at an index
 * @throws DataError naming the first value that is not an integer in its range
 */
function expectIntegers(
  op: OpName,
  role: string,
  data: ArrayLike<number>,
  rangeOf: (index: number) => readonly [number, number],
): void {
  for (let i = 0; i < data.length; i++) {
    const [least, most] = rangeOf(i);
    if (Number.isInteger(data[i]) && data[i] >= least && data[i] <= most) continue;
    throw new DataError(
      `${op}: expected ${role} to be an integer from ${least} to ${most}, got ${shown(data[i])} at ${i}`,
    );
  }
}
