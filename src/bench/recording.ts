import type { Executable, Runtime } from '../backends/runtime.js';
import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';

/** A run that can be repeated: the writes since the previous run, and its number of steps. */
export interface Chunk {
  readonly executable: Executable;
  readonly times: number;
  readonly writes: readonly (readonly [Tensor, ArrayLike<number>])[];
}

/**
 * A runtime that forwards every call to another runtime and records every run. The benchmarks repeat
 * these runs without the trainer.
 */
export class Recording implements Runtime {
  readonly info: Runtime['info'];
  readonly #runtime: Runtime;
  #writes: [Tensor, ArrayLike<number>][] = [];
  readonly #chunks: Chunk[] = [];

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.info = runtime.info;
  }

  /** The same as the recorded runtime's, so that the trainer overlaps runs as it does without recording. */
  get runsAhead(): boolean {
    return this.#runtime.runsAhead === true;
  }

  /** All runs, in order. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  /** The run with the most steps; the latest of several. */
  get longest(): Chunk | undefined {
    return this.#chunks.toSorted((a, b) => a.times - b.times).at(-1);
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#runtime.compile(step);
    return {
      run: (times) => {
        this.#chunks.push({ executable, times, writes: this.#writes });
        this.#writes = [];
        return executable.run(times);
      },
      close: () => executable.close(),
    };
  }

  /** Repeats the writes before that run, which restores its counters. */
  rewind({ writes }: Chunk): void {
    for (const [tensor, values] of writes) this.#runtime.write(tensor, values);
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#writes.push([tensor, values]);
    this.#runtime.write(tensor, values);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#runtime.read(tensor);
  }

  finish(): Promise<void> {
    return this.#runtime.finish();
  }

  release(tensors: Iterable<Tensor>): void {
    this.#runtime.release(tensors);
  }

  /** Does not close the recorded runtime, which belongs to its opener. */
  async close(): Promise<void> {}
}
