/** Square matrix products for engines in JavaScript: operands, check, and timing. */

import { interleave, summarise, warmUp } from '../../dist/bench/library.mjs';

/** Rows that are compared with float64. Each row meets every tile of columns. */
const CHECKED_ROWS = 8;

/** Uniform on [−1, 1), by a fast linear congruential generator (Numerical Recipes). */
export function quickRandom(size, seed) {
  let state = seed >>> 0;
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

/**
 * The largest error in some rows of C = A·B, all n×n, as a share of Σ|aᵢbᵢ|.
 *
 * @returns NaN if the product contains NaN
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
 * Milliseconds of one run of a workload.
 *
 * @param {(times: number) => Promise<void>} run runs it `times` times, and waits for the device
 */
export async function timed(run, { samples: rounds, ...options }) {
  const stopwatch = async (times) => {
    const start = performance.now();
    await run(times);
    return performance.now() - start;
  };
  const { times } = await warmUp(stopwatch, options);
  const [samples] = await interleave([async () => (await stopwatch(times)) / times], { rounds });
  return summarise(samples);
}

/** Figures of C = A·B for n×n matrices. */
export function productFigures(n, ms, largest) {
  return { n, ms, gflops: (2 * n ** 3) / ms.median / 1e6, largestError: largest };
}
