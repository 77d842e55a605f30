/** The results of a comparison: one per candidate. */

import { BASELINE, labelOf } from './candidates.mjs';
import { operationsOf } from './workloads.mjs';

const SHAPE_NAMES = {
  matmul: ['m', 'k', 'n', 'transpose'],
  conv2d: ['wanted', 'batch', 'extent', 'channels', 'outputs', 'kernel'],
  train: ['layers', 'batch', 'optimizer'],
  epoch: ['layers', 'batch', 'optimizer'],
};

/**
 * @typedef {object} Result
 * @property {import('./workloads.mjs').Workload['subject']} op
 * @property {string} workload
 * @property {object} shape
 * @property {string} candidate
 * @property {string} engine
 * @property {string} device
 * @property {number} threads
 * @property {boolean} [verified] whether the result was correct; absent without a result
 * @property {string} [build]
 * @property {string} [error] why there are no figures
 * @property {{ min: number, median: number, p95: number }} [ms] of a product or convolution
 * @property {{ min: number, median: number, p95: number }} [stepMs] of a training step
 * @property {{ min: number, median: number, p95: number }} [seconds] of an epoch
 * @property {number} [accuracy] on the test images, after the epoch
 * @property {number} [samples]
 * @property {number} [timed] number of products, convolutions, steps or epochs in all samples
 * @property {number} [gflops] computed from the median
 * @property {number} [imagesPerSecond] computed from the median
 * @property {number} [ratio] speed relative to handgrad on one thread
 */

/**
 * @param {import('./workloads.mjs').Workload} workload
 * @param {readonly import('./compare.mjs').Attempt[]} attempts
 * @param {ReadonlyMap<object, object>} timings results of `timeCandidates`
 * @returns {Result[]}
 */
export function describeResults(workload, attempts, timings) {
  const baseline = attempts.find(({ candidate }) => labelOf(candidate) === labelOf(BASELINE));
  const baseFigures = figures(baseline, timings.get(baseline));
  return attempts.map((attempt) => ({
    ...identify(workload, attempt),
    ...outcome(attempt, timings.get(attempt), baseFigures),
  }));
}

function identify(workload, { candidate, build, verified }) {
  const { engine, device, threads } = candidate;
  return {
    op: workload.subject,
    workload: workload.name,
    shape: shapeOf(workload),
    candidate: labelOf(candidate),
    engine,
    device,
    threads,
    ...(build !== undefined && { build }),
    ...(verified !== undefined && { verified }),
  };
}

function shapeOf({ subject, ...workload }) {
  const names = SHAPE_NAMES[subject];
  return Object.fromEntries(names.map((name) => [name, workload[name]]));
}

function outcome(attempt, timing, baseFigures) {
  const error = attempt.error ?? timing.error;
  if (error !== undefined) return { error };
  const own = figures(attempt, timing);
  const baseTime = baseFigures && timeOf(baseFigures);
  return { ...own, ...(baseTime && { ratio: baseTime / timeOf(own) }) };
}

/** Time of one unit: candidates may have had rounds of different lengths. */
function timeOf({ ms, stepMs, seconds }) {
  return (ms ?? stepMs ?? seconds).median;
}

/** @returns undefined without a timing */
function figures(attempt, timing) {
  if (!timing || timing.error !== undefined) return undefined;
  const { job, accuracy } = attempt;
  const { samples, runs } = timing;
  const per = (units) => ({
    min: timing.min / units,
    median: timing.median / units,
    p95: timing.p95 / units,
  });
  switch (job.subject) {
    case 'train': {
      const stepMs = per(job.steps);
      const imagesPerSecond = (1000 * job.batch) / stepMs.median;
      return { stepMs, samples, timed: runs * job.steps, imagesPerSecond };
    }
    case 'epoch':
      return { seconds: per(1000), samples, timed: runs, accuracy };
    default: {
      const gflops = operationsOf(job) / timing.median / 1e6;
      return { ms: per(1), samples, timed: runs, gflops };
    }
  }
}
