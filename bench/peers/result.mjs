/** What is written down of a comparison: a line per contestant. */

import { fileURLToPath } from 'node:url';
import { BASE, labelOf } from './contestants.mjs';
import { operationsOf } from './work.mjs';

/** Engines name their files in errors; where the checkout lies on this machine is nobody's concern. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const SHAPE_NAMES = {
  matmul: ['m', 'k', 'n', 'transpose'],
  conv2d: ['wanted', 'batch', 'extent', 'channels', 'outputs', 'kernel'],
  train: ['layers', 'batch', 'optimizer'],
  epoch: ['layers', 'batch', 'optimizer'],
};

/**
 * @typedef {object} Result
 * @property {import('./work.mjs').Work['subject']} op
 * @property {string} work
 * @property {object} shape
 * @property {string} contestant
 * @property {string} engine
 * @property {string} device
 * @property {number} threads
 * @property {boolean} [verified] whether the result agreed, where there was one
 * @property {string} [build]
 * @property {string} [error] why there are no figures
 * @property {{ min: number, median: number, p95: number }} [ms] of a product or convolution
 * @property {{ min: number, median: number, p95: number }} [stepMs] of a training step
 * @property {{ min: number, median: number, p95: number }} [seconds] of an epoch
 * @property {number} [accuracy] on the test images, after the epoch
 * @property {number} [samples]
 * @property {number} [timed] products, convolutions, steps or epochs in all samples
 * @property {number} [gflops] of the median
 * @property {number} [imagesPerSecond] of the median
 * @property {number} [ratio] how many times as fast as handgrad on one thread
 */

/**
 * @param {import('./work.mjs').Work} work
 * @param {readonly import('./compare.mjs').Entry[]} entries
 * @param {ReadonlyMap<object, object>} timings what `race` says of those that took part in it
 * @returns {Result[]}
 */
export function describeResults(work, entries, timings) {
  const base = entries.find(({ contestant }) => labelOf(contestant) === labelOf(BASE));
  const baseFigures = figures(base, timings.get(base));
  return entries.map((entry) => ({
    ...identify(work, entry),
    ...outcome(entry, timings.get(entry), baseFigures),
  }));
}

function identify(work, { contestant, build, verified }) {
  const { engine, device, threads } = contestant;
  return {
    op: work.subject,
    work: work.name,
    shape: shapeOf(work),
    contestant: labelOf(contestant),
    engine,
    device,
    threads,
    ...(build !== undefined && { build }),
    ...(verified !== undefined && { verified }),
  };
}

function shapeOf({ subject, ...work }) {
  const names = SHAPE_NAMES[subject];
  return Object.fromEntries(names.map((name) => [name, work[name]]));
}

function outcome(entry, timing, baseFigures) {
  const error = entry.error ?? timing.error;
  if (error !== undefined) return { error: error.replaceAll(ROOT, '') };
  const own = figures(entry, timing);
  const baseTime = baseFigures && timeOf(baseFigures);
  return { ...own, ...(baseTime && { ratio: baseTime / timeOf(own) }) };
}

/** Contestants may have had parts of the work of different sizes, so times are of its smallest unit. */
function timeOf({ ms, stepMs, seconds }) {
  return (ms ?? stepMs ?? seconds).median;
}

/** @returns undefined without a timing */
function figures(entry, timing) {
  if (!timing || timing.error !== undefined) return undefined;
  const { job, accuracy } = entry;
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
