import type { Executable, Runtime } from '../../backends/runtime.js';
import type { Step } from '../../step.js';
import type { Tensor } from '../../tensor.js';

/** A compiled step with the tensors that only it uses. */
export interface CompiledStep {
  readonly executable: Executable;
  readonly own: readonly Tensor[];
}

/** How many compiled steps a cache keeps: two batch sizes for a few datasets. */
const CAPACITY = 16;

/** Compiled steps by key; the least recently used is released first. */
export class StepCache<Extra = unknown> {
  readonly #runtime: Runtime;
  readonly #entries = new Map<string, CompiledStep & Extra>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Returns the compiled step of a key; builds and compiles it on first use.
   *
   * @param build returns the step, the tensors to release with it, and extra values to keep with it
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

  /** Releases every step whose key starts with `prefix`. */
  drop(prefix: string): void {
    for (const key of [...this.#entries.keys()]) if (key.startsWith(prefix)) this.#drop(key);
  }

  async #compile(
    built: { readonly step: Step; readonly own: readonly Tensor[] } & Extra,
  ): Promise<CompiledStep & Extra> {
    return { ...built, executable: await this.#runtime.compile(built.step) };
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.executable.close();
    this.#runtime.release(entry.own);
  }
}
