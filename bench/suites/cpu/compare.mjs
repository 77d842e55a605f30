/** Compares candidates on one workload: verifies each result, then times the correct ones. */

import { readFloats } from '../../harness/files.mjs';
import { timeCandidates } from '../../harness/interleave.mjs';
import { prepareJob } from '../../harness/prepare.mjs';
import { startEngine } from '../../harness/subprocess.mjs';
import { labelOf } from './candidates.mjs';
import { describeResults } from './results.mjs';

/**
 * A candidate on one workload.
 *
 * @typedef {object} Attempt
 * @property {import('./candidates.mjs').Candidate} candidate
 * @property {import('../../harness/job.mjs').Job} [job] its share of the workload
 * @property {import('../../harness/subprocess.mjs').Subprocess} [subprocess]
 * @property {string} [build] the engine's build or version
 * @property {string} [error] the reason why it is not timed
 * @property {boolean} [verified] whether its result was correct; absent without a result
 * @property {number} [accuracy] on the test images, after an epoch
 */

/**
 * @param {import('./workloads.mjs').Workload} workload
 * @param {readonly import('./candidates.mjs').Candidate[]} candidates
 * @param {{ folder: string, timing: import('../../harness/interleave.mjs').TimingOptions,
 *   pytorch: object, log: (line: string) => void }} options
 * @returns one result per candidate, with figures or with the error that prevented them
 */
export async function compare(workload, candidates, { folder, timing, pytorch, log }) {
  const { job, fault, error } = await prepareJob(workload, folder).catch(({ message }) => ({
    error: `left out: ${message}`,
  }));
  const attempts = [];
  try {
    for (const candidate of candidates.filter((each) => isIncluded(each, workload))) {
      const attempt = error ? { candidate, error } : await verify(candidate, job, fault, pytorch);
      log(`${workload.name}  ${labelOf(candidate)}  ${attempt.error ?? 'verified'}`);
      attempts.push(attempt);
    }
    const correct = attempts.filter(({ verified }) => verified);
    const timings = await timeCandidates(correct.map(runnableOf), timing);
    if (workload.subject === 'epoch') await readAccuracies(correct);
    const timingOf = new Map(correct.map((attempt, i) => [attempt, timings[i]]));
    return describeResults(workload, attempts, timingOf);
  } finally {
    for (const { subprocess } of attempts) subprocess?.close();
  }
}

function isIncluded({ engine, threads }, workload) {
  const { engines = [engine], threads: only = threads } = workload;
  return engines.includes(engine) && only === threads;
}

/**
 * Starts a candidate, runs the workload once, and checks the result.
 *
 * @returns {Promise<Attempt>}
 */
async function verify(candidate, wholeJob, fault, pytorch) {
  const reason = candidate.skips?.(wholeJob);
  if (reason !== undefined) return { candidate, error: `left out: ${reason}` };
  let subprocess;
  try {
    const { engine, device, threads } = candidate;
    subprocess = startEngine(engine, pytorch, threads);
    const result = `result of ${labelOf(candidate)}`;
    const job = { ...wholeJob, ...candidate.share?.(wholeJob), result };
    const { build } = await subprocess.ask({ command: 'prepare', job, device, threads });
    const wrong = fault(await readFloats(job.folder, result), job);
    if (wrong === undefined) return { candidate, job, subprocess, build, verified: true };
    return { candidate, subprocess, build, error: `wrong result: ${wrong}`, verified: false };
  } catch (error) {
    subprocess?.close();
    return { candidate, error: `cannot: ${error.message}` };
  }
}

async function readAccuracies(attempts) {
  for (const attempt of attempts) {
    const { accuracy } = await attempt.subprocess.ask({ command: 'accuracy' });
    attempt.accuracy = accuracy;
  }
}

function runnableOf({ subprocess }) {
  return {
    async run(times, prime) {
      return (await subprocess.ask({ command: 'run', times, prime })).milliseconds;
    },
  };
}
