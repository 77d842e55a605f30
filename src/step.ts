import { type Call, dtypeOf, readBy, writtenBy } from './call.js';
import { ShapeError, shown } from './errors.js';
import type {
  AnyCallOptions,
  CallArguments,
  CallOutputs,
  OutputNames,
} from './ops/call-options.js';
import { type AnyOp, isOp, type Op, type OpTensors } from './ops/define-op.js';
import type { OpName } from './ops/registry.js';
import { expectShape } from './ops/shape-checks.js';
import { expectKind, expectOptions, isObject } from './options.js';
import { type DataType, isTensor, type Shape, Tensor } from './tensor.js';

/** Present in steps that train: dropout then draws masks, and batch norm uses batch statistics. */
export interface TrainingMode {
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Holds the number of the update, which selects the masks of dropout: src/ops/step-state.ts. */
  readonly state: Tensor;
  /** Whether running statistics are updated; false in steps that compute gradients only. */
  readonly updatesStatistics: boolean;
}

/**
 * A static list of kernel calls for one batch size. Layers, losses and optimizers append calls; the
 * step checks their shapes. A backend compiles the list once and runs it many times.
 *
 * @example
 * const step = new Step();
 * const { y } = step.call(reluOps.reluForward, { x });
 * step.keep(y);
 */
export class Step {
  /** Set in training; undefined in evaluation and prediction. */
  readonly training: TrainingMode | undefined;
  readonly #calls: Call[] = [];
  readonly #scopes: string[] = [];
  readonly #gradients = new Set<Tensor>();
  #section = '';
  #dropouts = 0;

  /** @param training given for a step that trains; without it, layers append calls for evaluation */
  constructor(training?: TrainingMode) {
    if (training !== undefined) {
      const kinds = { seed: 'integer', state: 'any', updatesStatistics: 'boolean' } as const;
      expectOptions('Step', training, kinds, 'the training mode');
      expectTensor('Step', 'state', training.state);
    }
    this.training = training;
  }

  /** Starts a section of the listing, to which the following calls belong. */
  section(title: string): void {
    expectKind('section', 'title', title, 'string');
    this.#section = title;
  }

  /** Runs `build`, and prefixes the activations it creates with `name`. */
  within<Result>(name: string, build: () => Result): Result {
    expectKind('within', 'build', build, 'function');
    this.#scopes.push(name);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /** The names of the enclosing blocks, joined by dots: `1.body.0`. */
  get path(): string {
    return this.#scopes.join('.');
  }

  /** The number, from 0, of the next dropout in this step: each draws from its own stream. */
  nextDropout(): number {
    return this.#dropouts++;
  }

  /**
   * A new tensor that lives from its first to its last use in this step.
   *
   * @param name prefixed by the names of the enclosing blocks
   */
  activation(name: string, shape: Shape, dtype: DataType = 'float32'): Tensor {
    expectKind('activation', 'name', name, 'string');
    return new Tensor([...this.#scopes, name].join('.'), shape, 'activation', dtype);
  }

  /** Makes an activation persistent, so that it can be read after a run. */
  keep(tensor: Tensor): void {
    expectTensor('keep', 'tensor', tensor);
    tensor.storage = 'persistent';
  }

  /**
   * Names an activation after the tensor whose gradient it is: `d(0.y)`. A gradient that a layer passes
   * on unchanged keeps its first name.
   */
  nameGradient(gradient: Tensor, of: Tensor): void {
    expectTensor('nameGradient', 'gradient', gradient);
    expectTensor('nameGradient', 'of', of);
    if (gradient.storage !== 'activation' || this.#gradients.has(gradient)) return;
    this.#gradients.add(gradient);
    gradient.name = `d(${of.name})`;
  }

  /**
   * Appends one kernel call.
   *
   * @param op one of the ops of src/ops
   * @param tensors inputs, and tensors to update in place, by role
   * @param options.attributes constants of the op, by name
   * @param options.into existing tensors to write, by role; other outputs are new activations
   * @param options.like shapes of the outputs that cannot be inferred, by role; values are not read
   * @param options.as new names for outputs, by role
   * @returns the outputs, by role or by the name in `as`
   * @throws ShapeError for missing or unknown tensors and attributes, wrong element types, and shapes
   *   that the op refuses; TypeError for anything but an op
   * @example const { y } = step.call(linearOps.linearForward, { x, W, b });
   * @example step.call(linearOps.linearBackwardWeight, { x, dy }, { into: { dW } });
   * @example const { dx } = step.call(addOps.add, { a, b }, { as: { y: 'dx' } });
   */
  call<O extends AnyOp, const As extends OutputNames<O> = Record<never, never>>(
    op: O,
    tensors: OpTensors<O, Tensor>,
    ...[options]: CallArguments<O, As>
  ): CallOutputs<O, As> {
    expectOp(op);
    const definition: Op = op;
    const { name } = definition;
    const kinds = { attributes: 'object', into: 'object', like: 'object', as: 'object' } as const;
    const given = (options ?? {}) as AnyCallOptions;
    expectOptions(name, given, kinds);
    const { attributes = {}, into = {}, like = {}, as = {} } = given;
    const read = pick(name, 'tensors', [...definition.updates, ...definition.inputs], tensors);
    const numbers = pick(name, 'attributes', definition.attributes, attributes);
    for (const [attribute, value] of Object.entries(numbers)) {
      expectKind(name, attribute, value, 'number');
    }
    for (const [role, tensor] of Object.entries({ ...read, ...into })) {
      if (tensor !== undefined) expectTensor(name, role, tensor);
    }
    expectRoles(name, 'into', definition.outputs, into);
    expectRoles(name, 'like', definition.like, like);
    expectRoles(name, 'as', definition.outputs, as);
    const likeShapes = definition.like.map((role) => {
      const source = like[role] ?? into[role];
      if (!(isTensor(source) || Array.isArray(source))) {
        throw new ShapeError(
          `${name}: expected like or into to give the shape of ${role}, got ${source === undefined ? 'none' : shown(source)}`,
        );
      }
      return [role, isTensor(source) ? source.shape : source] as const;
    });
    const shapes = Object.fromEntries([
      ...Object.entries(read).map(([role, { shape }]) => [role, shape] as const),
      ...likeShapes,
    ]);
    const { outputs, sizes } = definition.shapes(shapes, numbers);
    for (const [role, tensor] of Object.entries(read)) expectType(definition, role, tensor);
    const written = definition.outputs.map((role) => {
      const dtype = dtypeOf(definition, role);
      const tensor = into[role] ?? this.activation(as[role] ?? role, outputs[role], dtype);
      expectShape(name, role, tensor.shape, outputs[role]);
      expectType(definition, role, tensor);
      return [role, tensor] as const;
    });
    this.#calls.push({
      op: name as OpName,
      definition,
      section: this.#section,
      tensors: { ...Object.fromEntries(written), ...read },
      attributes: numbers,
      sizes: Object.fromEntries(definition.sizes.map((size) => [size, sizes[size]])),
    });
    return Object.fromEntries(
      written.map(([role, tensor]) => [as[role] ?? role, tensor]),
    ) as CallOutputs<O, As>;
  }

  /**
   * The calls whose results are used: they write a persistent tensor, or one that such a call reads.
   * This drops, for example, the gradient with respect to the input of the first layer.
   */
  get calls(): readonly Call[] {
    const read = new Set<Tensor>();
    const kept: Call[] = [];
    for (const call of [...this.#calls].reverse()) {
      const isRead = writtenBy(call).some((t) => t.storage === 'persistent' || read.has(t));
      if (!isRead) continue;
      for (const tensor of readBy(call)) read.add(tensor);
      kept.push(call);
    }
    return kept.reverse();
  }
}

/**
 * Appends a call of an op that is only known at run time.
 *
 * @returns the outputs, by role or by the name in `as`
 * @throws ShapeError as `Step.call` does
 */
export function callAny(
  step: Step,
  op: AnyOp,
  tensors: Readonly<Record<string, Tensor>>,
  options: AnyCallOptions,
): Readonly<Record<string, Tensor>> {
  type Arguments = Parameters<typeof step.call>;
  return step.call(...([op, tensors, options] as unknown as Arguments));
}

/** The values of exactly these names, in the order of the names. */
function pick<Value>(
  op: string,
  what: string,
  names: readonly string[],
  values: Readonly<Record<string, Value>>,
): Record<string, Value> {
  if (!isObject(values)) {
    throw new TypeError(`${op}: expected the ${what} ${list(names)}, got ${shown(values)}`);
  }
  const given = Object.keys(values).filter((name) => values[name] !== undefined);
  if (given.length !== names.length || names.some((name) => !given.includes(name))) {
    throw new ShapeError(`${op}: expected the ${what} ${list(names)}, got ${list(given)}`);
  }
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/** @throws ShapeError when `values` has a role that is not among `roles` */
function expectRoles(
  op: string,
  option: string,
  roles: readonly string[],
  values: Readonly<Record<string, unknown>>,
): void {
  for (const role of Object.keys(values)) {
    if (!roles.includes(role)) {
      throw new ShapeError(`${op}: expected ${option} for ${list(roles)}, got ${role}`);
    }
  }
}

function list(names: readonly string[]): string {
  return names.length > 0 ? names.join(', ') : 'none';
}

function expectTensor(op: string, role: string, tensor: unknown): void {
  if (isTensor(tensor)) return;
  throw new TypeError(`${op}: expected ${role} to be a tensor, got ${shown(tensor)}`);
}

function expectType(op: Op, role: string, { dtype }: Tensor): void {
  const expected = dtypeOf(op, role);
  if (dtype !== expected) {
    throw new ShapeError(`${op.name}: expected ${role} of type ${expected}, got ${dtype}`);
  }
}

function expectOp(op: unknown): asserts op is Op {
  if (isOp(op)) return;
  throw new TypeError(
    `step.call: expected an op, such as reluOps.reluForward of handgrad/ops, got ${shown(op)}`,
  );
}
