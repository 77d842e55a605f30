/** A call into the backend. */
interface Call {
  /** When it was submitted. */
  readonly began: number;
  readonly steps: number;
}

/** Number of calls that are remembered. */
const REMEMBERED = 8;
/** Share of the wait that a call should take, so that answers to two calls never come a wait apart. */
const SHARE_OF_WAIT = 0.8;

/**
 * Decides how many steps one call into the backend runs, from the time that earlier calls took.
 *
 * A browser may look only now and then whether the GPU has finished, so an answer comes up to `wait` after
 * the call has ended. Then a call's time only bounds the cost of its steps, from both sides:
 *
 *   lower   (time since the answer to the call before − wait) / its steps
 *   upper   (time since a call was submitted) / steps of all calls since; the least over recent calls
 *
 * The cost is changed only as far as the bounds require. So answers that arrive together, after a stall of
 * the event loop, do not pass for cheap steps.
 */
export class Pace {
  readonly #milliseconds: number;
  readonly #wait: () => number;
  #steps = 1;
  #cost = Infinity;
  /** When the latest call ended, as far as the caller knows. */
  #ended = 0;
  #recent: Call[] = [];

  /**
   * @param milliseconds how long a call should take
   * @param wait by how many milliseconds answers may be late
   */
  constructor(milliseconds: number, wait: () => number = () => 0) {
    this.#milliseconds = milliseconds;
    this.#wait = wait;
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
    const now = performance.now();
    const wait = this.#wait();
    // A pipelined call starts when its predecessor ends, not when it is submitted.
    const milliseconds = now - Math.max(began, this.#ended);
    this.#recent = [...this.#recent, { began, steps }].slice(-REMEMBERED);
    this.#ended = now;
    const lower = (milliseconds - wait) / steps;
    this.#cost = Math.max(lower, Math.min(this.#cost, this.#upperBound(now)), 0.01 / steps);
    const target = Math.max(this.#milliseconds, SHARE_OF_WAIT * wait);
    // With a wait, the bound on a single step may be half the wait at best: two steps then fit.
    const wanted = Math.floor(target / this.#cost + (wait > this.#milliseconds ? 0.45 : 0));
    // Grow at most fourfold: the first steps include compilation, and clocks may be coarse.
    this.#steps = Math.max(1, Math.min(wanted, 4 * this.#steps));
    return milliseconds;
  }

  /** An upper bound on the milliseconds of a step, since the backend runs one call after the other. */
  #upperBound(now: number): number {
    let steps = 0;
    let bound = Infinity;
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      steps += this.#recent[i].steps;
      bound = Math.min(bound, (now - this.#recent[i].began) / steps);
    }
    return bound;
  }
}
