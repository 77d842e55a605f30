/** Milliseconds between two empty submissions. A shorter wait submits none. */
const INTERVAL = 8;

/**
 * Waits for a GPU. Firefox looks every 100 ms whether the GPU has finished, and whenever something is
 * submitted; so during a wait, nothing is submitted every few milliseconds. Other browsers and Dawn look
 * continually, and take microseconds for an empty submission.
 */
export class Waits {
  readonly #queue: GPUQueue;
  /** Number of waits in progress. */
  #pending = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queue: GPUQueue) {
    this.#queue = queue;
  }

  /** Resolves when the GPU has completed all work that was submitted before. */
  submittedWorkDone(): Promise<undefined> {
    return this.until(this.#queue.onSubmittedWorkDone());
  }

  /** Waits for a promise that the GPU resolves. */
  async until<Result>(promise: Promise<Result>): Promise<Result> {
    this.#pending++;
    this.#timer ??= repeat(() => this.#queue.submit([]));
    try {
      return await promise;
    } finally {
      this.#pending--;
      if (this.#pending === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }
}

/** Calls `action` at every interval. In Node, the timer does not keep the process running. */
function repeat(action: () => void): ReturnType<typeof setInterval> {
  const timer = setInterval(action, INTERVAL);
  if (typeof timer === 'object') timer.unref();
  return timer;
}
