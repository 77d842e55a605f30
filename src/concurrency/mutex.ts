/** Runs asynchronous tasks one at a time, in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** @returns the task's result; rejects if the task rejects */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    // A task that fails must not stop later tasks; its own caller receives the error.
    this.#last = result.catch(() => {});
    return result;
  }
}
