/** Has all contestants do the same work: each is checked, and those that are right are timed. */

import { Child } from './child.mjs';
import { labelOf } from './contestants.mjs';
import { readReals } from './files.mjs';
import { prepareJob } from './prepare.mjs';
import { race } from './race.mjs';
import { describeResults } from './result.mjs';

/**
 * A contestant that takes part in some work.
 *
 * @typedef {object} Entry
 * @property {import('./contestants.mjs').Contestant} contestant
 * @property {import('./job.mjs').Job} [job] its part of the work
 * @property {Child} [child]
 * @property {string} [build] the engine's build or version
 * @property {string} [error] what stands in its way
 * @property {boolean} [verified] whether its result agreed, once there is one to compare
 * @property {number} [accuracy] on the test images, after an epoch
 */

/**
 * @param {import('./work.mjs').Work} work
 * @param {readonly import('./contestants.mjs').Contestant[]} contestants
 * @param {{ folder: string, patience: import('./race.mjs').Patience,
 *   pytorch: object, log: (line: string) => void }} options
 * @returns one result per contestant, with figures or with the error that stands in their way
 */
export async function compare(work, contestants, options) {
  const invited = contestants.filter((contestant) => isInvited(contestant, work));
  const { job, fault, error } = await prepareJob(work, options).catch(({ message }) => ({
    error: `left out: ${message}`,
  }));
  const entries = [];
  try {
    for (const contestant of invited) {
      const entry = error ? { contestant, error } : await enter(contestant, job, fault, options);
      options.log(`${work.name}  ${labelOf(contestant)}  ${entry.error ?? 'verified'}`);
      entries.push(entry);
    }
    const ready = entries.filter(({ verified }) => verified);
    const timings = await race(ready.map(runnerOf), options.patience);
    if (work.subject === 'epoch') await askForAccuracy(ready);
    return describeResults(work, entries, new Map(ready.map((entry, i) => [entry, timings[i]])));
  } finally {
    for (const { child } of entries) child?.close();
  }
}

function isInvited({ engine, threads }, work) {
  return (work.engines ?? [engine]).includes(engine) && (work.threads ?? threads) === threads;
}

/**
 * Starts a contestant, has it do the work once, and checks the result.
 *
 * @returns {Promise<Entry>}
 */
async function enter(contestant, wholeJob, fault, { pytorch }) {
  const unfit = contestant.unfit?.(wholeJob);
  if (unfit !== undefined) return { contestant, error: `left out: ${unfit}` };
  let child;
  try {
    child = new Child(contestant, pytorch);
    const { device, threads } = contestant;
    const result = `result of ${labelOf(contestant)}`;
    const job = { ...wholeJob, ...contestant.part?.(wholeJob), result };
    const { build } = await child.ask({ command: 'prepare', job, device, threads });
    const wrong = fault(await readReals(job.folder, result), job);
    if (wrong === undefined) return { contestant, job, child, build, verified: true };
    return { contestant, child, build, error: `wrong result: ${wrong}`, verified: false };
  } catch (error) {
    child?.close();
    return { contestant, error: `cannot: ${error.message}` };
  }
}

async function askForAccuracy(entries) {
  for (const entry of entries) {
    const { accuracy } = await entry.child.ask({ command: 'accuracy' });
    entry.accuracy = accuracy;
  }
}

function runnerOf({ child }) {
  return {
    async run(times, rouse) {
      return (await child.ask({ command: 'run', times, rouse })).milliseconds;
    },
  };
}
