import { ReferenceRuntime } from '../../../src/backends/reference.js';
import type { Executable, Runtime } from '../../../src/backends/runtime.js';
import { yieldToEventLoop } from '../../../src/platform/event-loop.js';
import type { Step } from '../../../src/step.js';
import type { Tensor, Values } from '../../../src/tensor.js';

/**
 * The reference as a runtime that runs ahead, like a GPU: it executes requests in order, but only
 * after some turns of the event loop.
 */
export class LateRuntime implements Runtime {
  readonly runsAhead = true;
  /** The number of steps of each requested run, and `read` for each tensor returned. */
  readonly log: (number | 'read')[] = [];
  readonly #runtime = new ReferenceRuntime('float32');
  #last: Promise<unknown> = Promise.resolve();

  get info() {
    return this.#runtime.info;
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#runtime.compile(step);
    return {
      run: async (times) => {
        this.log.push(times);
        this.#later(() => executable.run(times));
      },
      close: () => {},
    };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    const copy = Float64Array.from(values);
    this.#later(async () => this.#runtime.write(tensor, copy));
  }

  async read(tensor: Tensor): Promise<Values> {
    const values = await this.#later(() => this.#runtime.read(tensor));
    this.log.push('read');
    return values;
  }

  release(tensors: Iterable<Tensor>): void {
    const all = [...tensors];
    this.#later(async () => this.#runtime.release(all));
  }

  async finish(): Promise<void> {
    await this.#last;
  }

  close(): Promise<void> {
    return this.#runtime.close();
  }

  #later<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(yieldToEventLoop).then(yieldToEventLoop).then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}
