/** Lets one asynchronous task run at a time, in the order in which they asked. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    // A task that fails must not stop those behind it; its own caller sees the error.
    this.#last = result.catch(() => {});
    return result;
  }
}
