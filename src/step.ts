import { OPS, type OpAttributes, type OpName, type OpTensors } from './ops/registry.js';
import type { Op } from './ops/types.js';
import { type DataType, type Shape, Tensor } from './tensor.js';

/** One kernel call of a step. */
export interface Call {
  readonly op: OpName;
  /** The part of the step it belongs to, for listings: `forward`, `backward`, … */
  readonly section: string;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly attributes: Readonly<Record<string, number>>;
  /** What the op's shape rule made of the tensors, in the order in which kernels take them. */
  readonly sizes: readonly number[];
}

/** How a step trains: dropout draws masks, batch normalisation uses the batch's own statistics. */
export interface TrainingMode {
  readonly seed: number;
  /** Holds the number of the update, so that every step draws masks of its own: src/ops/step-state.ts. */
  readonly state: Tensor;
  /** Whether running statistics follow the batch, as they do in all steps but those that only ask for gradients. */
  readonly updatesStatistics: boolean;
}

/**
 * A static list of kernel calls for one batch size. Layers, losses and optimizers append to it
 * while it is built, and shapes are checked then; a backend compiles it once and runs it many
 * times.
 */
export class Step {
  /** What layers that train differently need to know; absent in evaluation and prediction. */
  readonly training: TrainingMode | undefined;
  readonly #calls: Call[] = [];
  readonly #scopes: string[] = [];
  #section = '';
  #dropouts = 0;

  constructor(training?: TrainingMode) {
    this.training = training;
  }

  /** Begins a new part of the listing. */
  section(title: string): void {
    this.#section = title;
  }

  /** Runs `build` with `name` in front of the names of the activations it makes. */
  within<Result>(name: string, build: () => Result): Result {
    this.#scopes.push(name);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /** Where it is being built: the names of the blocks around, such as `1.body.0`. */
  get path(): string {
    return this.#scopes.join('.');
  }

  /** The number, from 0, of the next dropout in this step: each draws from a stream of its own. */
  nextDropout(): number {
    return this.#dropouts++;
  }

  /** A tensor that lives from its first to its last use in this step. */
  activation(name: string, shape: Shape, dtype: DataType = 'float32'): Tensor {
    return new Tensor([...this.#scopes, name].join('.'), shape, 'activation', dtype);
  }

  /** Gives an activation a place of its own, so that it can be read when the step has run. */
  keep(tensor: Tensor): void {
    tensor.storage = 'persistent';
  }

  /**
   * Appends one kernel call.
   *
   * @throws ShapeError when the op's shape rule does not hold
   */
  call<Name extends OpName>(
    op: Name,
    tensors: OpTensors<Name, Tensor>,
    ...[attributes]: OpAttributes<Name>
  ): void {
    const shapes = Object.fromEntries(
      Object.entries<Tensor>(tensors).map(([role, tensor]) => [role, tensor.shape]),
    );
    const numbers = attributes ?? {};
    const sizes = definitionOf(op).sizes(shapes, numbers);
    this.#calls.push({ op, section: this.#section, tensors, attributes: numbers, sizes });
  }

  /**
   * The calls whose results somebody reads: a persistent tensor, or a later call that is itself
   * read. The gradient that a first layer hands to its input, for one, is dropped here.
   */
  get calls(): readonly Call[] {
    const read = new Set<Tensor>();
    const kept: Call[] = [];
    for (const call of this.#calls.toReversed()) {
      const isRead = outputsOf(call).some((t) => t.storage === 'persistent' || read.has(t));
      if (!isRead) continue;
      for (const tensor of inputsOf(call)) read.add(tensor);
      kept.push(call);
    }
    return kept.reverse();
  }
}

/** The op's definition, with its role names forgotten: what code that handles any op works with. */
export function definitionOf(op: OpName): Op {
  return OPS[op] as Op;
}

export function outputsOf(call: Call): Tensor[] {
  return definitionOf(call.op).outputs.map((role) => call.tensors[role]);
}

export function inputsOf(call: Call): Tensor[] {
  return definitionOf(call.op).inputs.map((role) => call.tensors[role]);
}

/** Tensors that a call writes, then those that it reads. */
export function touchedBy(call: Call): Tensor[] {
  return [...outputsOf(call), ...inputsOf(call)];
}
