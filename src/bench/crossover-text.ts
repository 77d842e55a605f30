/** Sentences about a crossover, for the reports of `handgrad bench` and of the GPU suite. */

import type { Crossover } from './crossover.js';

export function crossoverTitle({ op, recipe }: Crossover): string {
  return op === 'matmul' ? 'ms of a product n×n×n' : `ms of a step of ${recipe}`;
}

/** The cells of a table: size, then milliseconds of each candidate. */
export function crossoverRows({ points }: Crossover): string[][] {
  return points.map(({ size, ms }) => [
    String(size),
    ...ms.map((milliseconds) => milliseconds?.toPrecision(4) ?? 'too long'),
  ]);
}

/** For each candidate but the first, the size from which it is faster. */
export function crossoverSentences({ size, candidates: [first], wins }: Crossover): string[] {
  return wins.map(({ candidate, from, upTo }) => {
    if (upTo === null) return `${candidate} was not compared with ${first}.`;
    return from === null
      ? `${candidate} never beats ${first}, up to ${size} = ${upTo}.`
      : `${candidate} beats ${first} from ${size} = ${from} on, up to ${upTo}.`;
  });
}
