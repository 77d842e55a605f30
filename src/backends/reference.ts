import type { Call } from '../call.js';
import { BackendError } from '../errors.js';
import type { Step } from '../step.js';
import { formatShape, type Tensor, type Values } from '../tensor.js';
import { newArray } from '../typed-arrays.js';
import type { BackendInfo, Executable, Runtime } from './runtime.js';

export type Precision = 'float32' | 'float64';

/** Runs steps as plain loops over the ops' reference functions, in float64 or float32. */
export class ReferenceRuntime implements Runtime {
  readonly info: BackendInfo;
  readonly #persistent = new Map<Tensor, Values>();
  readonly #precision: Precision;
  #closed = false;

  /** @param notes remarks for `info`, one sentence each */
  constructor(precision: Precision, notes: readonly string[] = []) {
    this.#precision = precision;
    this.info = { backend: 'reference', build: precision, threads: 1, notes };
  }

  async compile(step: Step): Promise<Executable> {
    this.#expectOpen();
    const activations = new Map<Tensor, Values>();
    const calls = step.calls.map((call) => this.#bind(call, activations));
    return {
      run: async (times) => {
        this.#expectOpen();
        for (let i = 0; i < times; i++) for (const call of calls) call();
      },
      close: () => activations.clear(),
    };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#expectOpen();
    this.#valuesOf(tensor).set(values);
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectOpen();
    return this.#valuesOf(tensor).slice();
  }

  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) this.#persistent.delete(tensor);
  }

  async finish(): Promise<void> {
    this.#expectOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#persistent.clear();
  }

  #bind(
    { definition, tensors, sizes, attributes }: Call,
    activations: Map<Tensor, Values>,
  ): () => void {
    const values: Record<string, Values> = {};
    for (const [role, tensor] of Object.entries(tensors)) {
      values[role] = this.#valuesOf(tensor, activations);
    }
    const { reference } = definition;
    return () => reference(values, sizes, attributes);
  }

  #valuesOf(tensor: Tensor, activations = this.#persistent): Values {
    const storage = tensor.storage === 'persistent' ? this.#persistent : activations;
    let values = storage.get(tensor);
    if (!values) {
      values = this.#allocate(tensor);
      storage.set(tensor, values);
    }
    return values;
  }

  #allocate({ name, shape, dtype, size }: Tensor): Values {
    const what = `${name} of shape ${formatShape(shape)}`;
    return newArray<Values>('reference', what, this.#arrayType(dtype), size);
  }

  #arrayType(dtype: Tensor['dtype']): new (length: number) => Values {
    switch (dtype) {
      case 'float32':
        return this.#precision === 'float64' ? Float64Array : Float32Array;
      case 'int32':
        return Int32Array;
      case 'uint8':
        return Uint8Array;
      default:
        return dtype satisfies never;
    }
  }

  #expectOpen(): void {
    if (this.#closed) throw new BackendError('reference: the backend is closed');
  }
}
