import { ReferenceRuntime } from '../../../src/backends/reference.js';
import type { Executable, Runtime } from '../../../src/backends/runtime.js';
import type { Step } from '../../../src/step.js';
import type { Tensor, Values } from '../../../src/tensor.js';

/**
 * A simulation of a GPU in a browser that looks only now and then whether the GPU has finished, in the
 * time of `performance.now`. The reference computes the values as soon as they are requested.
 */
export class PolledRuntime implements Runtime {
  readonly runsAhead = true;
  readonly wait: number;
  readonly #runtime = new ReferenceRuntime('float32');
  readonly #cost: number;
  /** When the GPU has finished all work requested so far. */
  #finished = 0;

  /**
   * @param cost milliseconds of a step
   * @param poll milliseconds between two looks; 0 for a browser that looks continually
   */
  constructor(cost: number, poll: number) {
    this.#cost = cost;
    this.wait = poll;
  }

  get info() {
    return this.#runtime.info;
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#runtime.compile(step);
    return {
      run: (times) => {
        this.#finished = Math.max(this.#finished, performance.now()) + times * this.#cost;
        return executable.run(times);
      },
      close: () => executable.close(),
    };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#runtime.write(tensor, values);
  }

  async read(tensor: Tensor): Promise<Values> {
    const values = this.#runtime.read(tensor);
    await this.finish();
    return values;
  }

  release(tensors: Iterable<Tensor>): void {
    this.#runtime.release(tensors);
  }

  async finish(): Promise<void> {
    const finished = Math.max(this.#finished, performance.now());
    // A promise of work that is already done resolves at the next look as well.
    const seen = this.wait > 0 ? (Math.floor(finished / this.wait) + 1) * this.wait : finished;
    await new Promise((resolve) => setTimeout(resolve, seen - performance.now()));
  }

  close(): Promise<void> {
    return this.#runtime.close();
  }
}
