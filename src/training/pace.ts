/** Decides how many steps one call into the backend runs, from the time that earlier calls took. */
export class Pace {
  readonly #milliseconds: number;
  #steps = 1;
  /** When the latest call ended. */
  #ended = 0;

  /** @param milliseconds how long a call should take */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Number of steps for the next call: 1 before the first. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Records a call that ends now.
   *
   * @param began when the call was submitted
   * @param steps number of its steps
   * @returns how long it took, in milliseconds
   */
  record(began: number, steps: number): number {
    // A pipelined call starts when its predecessor ends, not when it is submitted.
    const now = performance.now();
    const milliseconds = now - Math.max(began, this.#ended);
    this.#ended = now;
    const wanted = Math.floor((this.#milliseconds * steps) / Math.max(milliseconds, 0.01));
    // Grow at most fourfold: the first steps include compilation, and clocks may be coarse.
    this.#steps = Math.max(1, Math.min(wanted, 4 * this.#steps));
    return milliseconds;
  }
}
