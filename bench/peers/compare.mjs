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
 * @property {Child} [child]
 * @property {string} [build] the engine's build or version
 * @property {string} [error] what stands in its way
 * @property {boolean} [verified] whether its result agreed, once there is one to compare
 */

/**
 * @param {import('./work.mjs').Work} work
 * @param {readonly import('./contestants.mjs').Contestant[]} contestants
 * @param {{ folder: string, steps: number, patience: import('./race.mjs').Patience,
 *   pytorch: object, log: (line: string) => void }} options
 * @returns one result per contestant, with figures or with the error that stands in their way
 */
export async function compare(work, contestants, options) {
  const { job, fault } = await prepareJob(work, options);
  const entries = [];
  try {
    for (const contestant of contestants) {
      const entry = await enter(contestant, job, fault, options.pytorch);
      options.log(`${work.name}  ${labelOf(contestant)}  ${entry.error ?? 'verified'}`);
      entries.push(entry);
    }
    const ready = entries.filter(({ verified }) => verified);
    const timings = await race(ready.map(runnerOf), options.patience);
    return describeResults(job, entries, new Map(ready.map((entry, i) => [entry, timings[i]])));
  } finally {
    for (const { child } of entries) child?.close();
  }
}

/**
 * Starts a contestant, has it do the work once, and checks the result.
 *
 * @returns {Promise<Entry>}
 */
async function enter(contestant, job, fault, pytorch) {
  const unfit = contestant.unfit?.(job);
  if (unfit !== undefined) return { contestant, error: unfit };
  let child;
  try {
    child = new Child(contestant, pytorch);
    const { device, threads } = contestant;
    const result = `result of ${labelOf(contestant)}`;
    const command = { command: 'prepare', job: { ...job, result }, device, threads };
    const { build } = await child.ask(command);
    const wrong = fault(await readReals(job.folder, result));
    if (wrong === undefined) return { contestant, child, build, verified: true };
    return { contestant, child, build, error: `wrong result: ${wrong}`, verified: false };
  } catch (error) {
    child?.close();
    return { contestant, error: error.message };
  }
}

function runnerOf({ child }) {
  return { run: async (times) => (await child.ask({ command: 'run', times })).milliseconds };
}
