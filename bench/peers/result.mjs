/** What is written down of a comparison: a line per contestant. */

import { fileURLToPath } from 'node:url';
import { BASE, labelOf } from './contestants.mjs';
import { operationsOf } from './work.mjs';

/** Engines name their files in errors; where the checkout lies on this machine is nobody's concern. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * @typedef {object} Result
 * @property {'matmul' | 'train'} op
 * @property {string} work
 * @property {object} shape
 * @property {string} contestant
 * @property {string} engine
 * @property {string} device
 * @property {number} threads
 * @property {boolean} [verified] whether the result agreed, where there was one
 * @property {string} [build]
 * @property {string} [error] why there are no figures
 * @property {{ min: number, median: number, p95: number }} [ms] of a product
 * @property {{ min: number, median: number, p95: number }} [stepMs] of a training step
 * @property {number} [samples]
 * @property {number} [gflops] of the median
 * @property {number} [imagesPerSecond] of the median
 * @property {number} [ratio] how many times as fast as handgrad on one thread
 */

/**
 * @param {import('./job.mjs').Job} job
 * @param {readonly import('./compare.mjs').Entry[]} entries
 * @param {ReadonlyMap<object, object>} timings what `race` says of those that took part in it
 * @returns {Result[]}
 */
export function describeResults(job, entries, timings) {
  const base = entries.find(({ contestant }) => labelOf(contestant) === labelOf(BASE));
  const baseMedian = timings.get(base)?.median;
  return entries.map((entry) => ({
    ...identify(job, entry),
    ...outcome(job, entry.error, timings.get(entry), baseMedian),
  }));
}

function identify(job, { contestant, build, verified }) {
  const { engine, device, threads } = contestant;
  return {
    op: job.subject,
    work: job.name,
    shape: shapeOf(job),
    contestant: labelOf(contestant),
    engine,
    device,
    threads,
    ...(build !== undefined && { build }),
    ...(verified !== undefined && { verified }),
  };
}

function shapeOf({ subject, m, k, n, transpose, layers, batch }) {
  return subject === 'matmul' ? { m, k, n, transpose } : { layers, batch };
}

function outcome(job, entryError, timing, baseMedian) {
  const error = entryError ?? timing.error;
  if (error !== undefined) return { error: error.replaceAll(ROOT, '') };
  const ratio = baseMedian && { ratio: baseMedian / timing.median };
  return { ...figures(job, timing), ...ratio };
}

function figures(job, { samples, min, median, p95 }) {
  if (job.subject === 'matmul') {
    return { ms: { min, median, p95 }, samples, gflops: operationsOf(job) / median / 1e6 };
  }
  const { steps, batch } = job;
  const stepMs = { min: min / steps, median: median / steps, p95: p95 / steps };
  return { stepMs, samples, imagesPerSecond: (1000 * batch) / stepMs.median };
}
