/** Times candidates in subprocesses: warm-up, number and length of samples, interleaved samples. */

import { interleave, summarise, warmUp } from '../../dist/bench/library.mjs';

/**
 * @typedef {object} TimingOptions
 * @property {number} repeat samples per candidate
 * @property {number} sampleMilliseconds of one sample: long enough to hide the clock's resolution
 *   and the cost of a call
 * @property {number} warmUpMilliseconds until compilers have settled
 */

/** Total time of one candidate's samples; a slower candidate gets fewer samples. */
const BUDGET_MILLISECONDS = 10_000;
const FEWEST_SAMPLES = 3;
/**
 * After a pause, threads sleep and caches hold the data of other candidates, so a workload whose run
 * takes less than this runs once, untimed, before each sample. For longer runs, it makes no difference.
 */
const PRIMED_MILLISECONDS = 200;

/**
 * @param {readonly { run(times: number, prime: boolean): Promise<number> }[]} candidates `run` runs
 *   the workload `times` times, after one untimed run if `prime` is set, and returns milliseconds
 * @param {TimingOptions} options
 * @returns for each candidate a summary of the milliseconds of one run, or the error that ended it
 */
export async function timeCandidates(candidates, options) {
  const plans = [];
  for (const { run } of candidates) plans.push(await planSamples(run, options));
  const samples = await interleave(
    plans.map((plan) => () => takeSample(plan)),
    { rounds: options.repeat },
  );
  return plans.map((plan, i) => describeTiming(plan, [...plan.samples, ...samples[i]]));
}

/**
 * Warms up a candidate. The first run of a very slow candidate is its only sample.
 *
 * @returns runs per sample, and number of samples still to take
 */
async function planSamples(run, options) {
  try {
    const { times, milliseconds } = await warmUp((n) => run(n, false), options);
    if (milliseconds >= BUDGET_MILLISECONDS) return { times, count: 0, samples: [milliseconds] };
    const affordable = Math.floor(BUDGET_MILLISECONDS / (times * milliseconds));
    const count = Math.min(options.repeat, Math.max(affordable, FEWEST_SAMPLES));
    return { run, times, count, prime: milliseconds < PRIMED_MILLISECONDS, samples: [] };
  } catch ({ message }) {
    return { error: message, samples: [] };
  }
}

/** Undefined after the last sample, and after an error. */
async function takeSample(plan) {
  if (plan.error !== undefined || plan.count === 0) return undefined;
  plan.count -= 1;
  try {
    return (await plan.run(plan.times, plan.prime)) / plan.times;
  } catch ({ message }) {
    plan.error = message;
    return undefined;
  }
}

function describeTiming({ times, error }, samples) {
  if (error !== undefined) return { error };
  return { ...summarise(samples), samples: samples.length, runs: samples.length * times };
}
