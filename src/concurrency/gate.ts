/** Lets tasks in until it is closed. Closing waits for the tasks inside. */
export class Gate {
  #inside = 0;
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Runs `task` at once. The caller checks `isClosed` before.
   *
   * @returns the task's result; rejects if the task rejects
   */
  async enter<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#inside++;
    try {
      return await task();
    } finally {
      this.#inside--;
      if (this.#inside === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Closes the gate. Resolves when no task is inside. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
