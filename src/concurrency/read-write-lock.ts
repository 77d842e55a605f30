/**
 * Runs tasks that write alone, and tasks that read beside each other. A task starts when all earlier
 * tasks that it excludes have ended, so the order of the calls decides what each of them sees.
 */
export class ReadWriteLock {
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** Resolves when all reads since the last write have ended. */
  #reads: Promise<unknown> = Promise.resolve();

  /** @returns the task's result; rejects if the task rejects */
  read<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#lastWrite.then(task);
    this.#reads = allSettled(this.#reads, result);
    return result;
  }

  /** @returns the task's result; rejects if the task rejects */
  write<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = allSettled(this.#lastWrite, this.#reads).then(task);
    this.#lastWrite = allSettled(result);
    this.#reads = this.#lastWrite;
    return result;
  }
}

/** Resolves when all have ended; keeps no results. The callers receive the errors. */
async function allSettled(...promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
}
