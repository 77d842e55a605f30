/** Square products for engines in JavaScript: operands, the check, and the timing. */

import { fittingTimes, summarise } from '../peers/race.mjs';

/** Rows of a product that are compared with float64: enough to meet every tile's columns. */
const CHECKED_ROWS = 8;

/** Uniform on [−1, 1), by a generator of Numerical Recipes, which is quick. */
export function randomReals(size, seed) {
  let state = seed >>> 0;
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

/**
 * The largest error of some rows of C = A·B, all n×n, as a part of Σ|aᵢbᵢ|.
 *
 * @returns NaN where the product has NaN
 */
export function largestError(a, b, c, n) {
  let largest = 0;
  for (let i = 0; i < CHECKED_ROWS; i++) {
    const row = Math.floor(((i + 0.5) * n) / CHECKED_ROWS);
    const want = new Float64Array(n);
    const magnitudes = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      const x = a[row * n + k];
      for (let j = 0; j < n; j++) {
        const term = x * b[k * n + j];
        want[j] += term;
        magnitudes[j] += Math.abs(term);
      }
    }
    for (let j = 0; j < n; j++) {
      const error = Math.abs(c[row * n + j] - want[j]) / magnitudes[j];
      largest = error <= largest ? largest : error;
      if (Number.isNaN(error)) return error;
    }
  }
  return largest;
}

/**
 * Milliseconds of doing some work once, of samples that are long enough.
 *
 * @param {(times: number) => Promise<void>} run does the work so often, and waits until it is done
 */
export async function timed(run, { samples, sampleMilliseconds, warmUpMilliseconds }) {
  const time = async (times) => {
    const began = performance.now();
    await run(times);
    return performance.now() - began;
  };
  let times = 1;
  let last = await time(times);
  for (let spent = last; spent < warmUpMilliseconds; spent += last) {
    times = fittingTimes(times, last, sampleMilliseconds);
    last = await time(times);
  }
  times = fittingTimes(times, last, sampleMilliseconds);
  const figures = [];
  for (let i = 0; i < samples; i++) figures.push((await time(times)) / times);
  return summarise(figures);
}

/** Of C = A·B for n×n matrices. */
export function productFigures(n, ms, largest) {
  return { n, ms, gflops: (2 * n ** 3) / ms.median / 1e6, largestError: largest };
}
