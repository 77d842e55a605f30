/**
 * The learning rates that a run used, by step. A schedule may read a variable that a callback changes,
 * so a step that is repeated must not ask it again.
 */
export class UsedRates {
  readonly #schedule: (step: number) => number;
  readonly #rates = new Map<number, number>();

  /** @param schedule called once for each step */
  constructor(schedule: (step: number) => number) {
    this.#schedule = schedule;
  }

  /** The learning rates of `count` steps from step number `first`. */
  of(first: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.#of(first + i));
  }

  /** Forgets the steps before step number `first`, which are not repeated any more. */
  forgetBefore(first: number): void {
    // A Map keeps insertion order, and steps are used in ascending order.
    for (const step of this.#rates.keys()) {
      if (step >= first) return;
      this.#rates.delete(step);
    }
  }

  #of(step: number): number {
    const rate = this.#rates.get(step) ?? this.#schedule(step);
    this.#rates.set(step, rate);
    return rate;
  }
}
