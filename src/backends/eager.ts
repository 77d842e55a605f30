import type { OpAttributes, OpName } from '../ops/registry.js';
import { definitionOf, Step } from '../step.js';
import { type DataType, persistent, type Shape, type Tensor, type Values } from '../tensor.js';
import type { Device, Executable } from './device.js';

/** A value of the caller's, on its way into a kernel. */
export interface Operand {
  readonly values: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype?: DataType;
}

interface CompiledOp {
  readonly executable: Executable;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** How many compiled single-op steps are kept: enough for the calls of a hand-written network. */
const CAPACITY = 64;

/**
 * Runs single ops on values of the caller's. Each op and shape is compiled once, as a step of one
 * call, and kept while it is among the last `CAPACITY` used.
 */
export class EagerOps {
  readonly #device: Device;
  readonly #compiled = new Map<string, CompiledOp>();

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * @param operands inputs by role, and outputs that are also read, such as an updated weight
   * @param outputs shapes of the outputs that start empty, by role
   * @returns copies of all outputs, by role
   */
  async run<Name extends OpName>(
    op: Name,
    operands: Readonly<Record<string, Operand>>,
    outputs: Readonly<Record<string, Shape>>,
    ...attributes: OpAttributes<Name>
  ): Promise<Record<string, Values>> {
    const { executable, tensors } = await this.#compile(op, operands, outputs, attributes);
    for (const [role, { values }] of Object.entries(operands)) {
      this.#device.write(tensors.get(role) as Tensor, values);
    }
    await executable.run(1);
    const results: Record<string, Values> = {};
    for (const role of definitionOf(op).outputs) {
      results[role] = await this.#device.read(tensors.get(role) as Tensor);
    }
    return results;
  }

  async #compile<Name extends OpName>(
    op: Name,
    operands: Readonly<Record<string, Operand>>,
    outputs: Readonly<Record<string, Shape>>,
    attributes: OpAttributes<Name>,
  ): Promise<CompiledOp> {
    const shapes = Object.entries(operands).map(([role, { shape }]) => [role, shape]);
    const key = JSON.stringify([op, shapes, outputs, attributes]);
    const known = this.#compiled.get(key);
    this.#compiled.delete(key);
    const compiled = known ?? (await this.#build(op, operands, outputs, attributes));
    this.#compiled.set(key, compiled);
    this.#evict();
    return compiled;
  }

  async #build<Name extends OpName>(
    op: Name,
    operands: Readonly<Record<string, Operand>>,
    outputs: Readonly<Record<string, Shape>>,
    attributes: OpAttributes<Name>,
  ): Promise<CompiledOp> {
    const tensors = new Map<string, Tensor>();
    for (const [role, shape] of Object.entries(outputs)) tensors.set(role, persistent(role, shape));
    for (const [role, { shape, dtype }] of Object.entries(operands)) {
      tensors.set(role, persistent(role, shape, dtype));
    }
    const step = new Step();
    type Call = Parameters<typeof step.call<Name>>;
    step.call(...([op, Object.fromEntries(tensors), ...attributes] as unknown as Call));
    return { executable: await this.#device.compile(step), tensors };
  }

  /** Map keeps insertion order and every use inserts anew, so the first entry is the oldest. */
  #evict(): void {
    for (const [key, { executable, tensors }] of this.#compiled) {
      if (this.#compiled.size <= CAPACITY) return;
      this.#compiled.delete(key);
      executable.close();
      this.#device.release(tensors.values());
    }
  }
}
