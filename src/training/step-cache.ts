import type { Device, Executable } from '../backends/device.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';

/** A compiled step with the tensors that exist for it alone. */
export interface CompiledStep {
  readonly executable: Executable;
  readonly own: readonly Tensor[];
}

/** How many steps of one kind of work stay compiled: two batch sizes for a few datasets. */
const CAPACITY = 16;

/** Compiled steps by key, the least recently used given back first. */
export class StepCache<Extra = unknown> {
  readonly #device: Device;
  readonly #entries = new Map<string, CompiledStep & Extra>();

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * The compiled step of this key; `build` makes the step on first use.
   *
   * @param build returns the step, the tensors to release with it, and what the caller wants back
   */
  async get(
    key: string,
    build: () => { readonly step: Step; readonly own: readonly Tensor[] } & Extra,
  ): Promise<CompiledStep & Extra> {
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const entry = known ?? (await this.#compile(build()));
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= CAPACITY) break;
      this.#drop(oldest);
    }
    return entry;
  }

  /** Gives back every step whose key begins with `prefix`. */
  drop(prefix: string): void {
    for (const key of [...this.#entries.keys()]) if (key.startsWith(prefix)) this.#drop(key);
  }

  async #compile(
    built: { readonly step: Step; readonly own: readonly Tensor[] } & Extra,
  ): Promise<CompiledStep & Extra> {
    return { ...built, executable: await this.#device.compile(built.step) };
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.executable.close();
    this.#device.release(entry.own);
  }
}
