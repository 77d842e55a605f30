/**
 * Times contestants in turn, A B C A B C …, so that a machine whose speed drifts drifts for all of
 * them alike. Only one computes at a time.
 */

/**
 * @typedef {object} Patience
 * @property {number} repeat samples per contestant
 * @property {number} sampleMilliseconds what a sample takes, so that neither clock nor call matters
 * @property {number} warmUpMilliseconds until compilers have settled
 */

/** A contestant so slow that its samples would take longer than this gets fewer of them. */
const BUDGET_MILLISECONDS = 10_000;
const FEWEST_SAMPLES = 3;
/**
 * After a rest, threads sleep and caches hold what other contestants left there, so work is done once
 * before it is timed; where it takes longer than this, that makes no difference.
 */
const ROUSED_MILLISECONDS = 200;

/**
 * @param {readonly { run(times: number, rouse: boolean): Promise<number> }[]} runners what does the
 *   work so many times, and once more before if it should, and tells how many milliseconds that took
 * @param {Patience} patience
 * @returns one summary of milliseconds per contestant, in their order, or the error that ended it
 */
export async function race(runners, patience) {
  const racers = runners.map(({ run }) => ({ run, samples: [] }));
  for (const racer of racers) {
    await attempt(racer, async () => {
      racer.plan = await warmUp(racer.run, patience);
      racer.samples.push(...racer.plan.samples);
    });
  }
  for (let round = 0; round < patience.repeat; round++) {
    for (const racer of racers) await attempt(racer, () => sample(racer, round));
  }
  return racers.map(({ samples, plan, error }) => {
    if (error) return { error };
    const runs = samples.length * plan.times;
    return { ...summarise(samples), samples: samples.length, runs };
  });
}

/** One contestant's failure is no reason to stop the others. */
async function attempt(racer, action) {
  if (racer.error !== undefined) return;
  try {
    await action();
  } catch (error) {
    racer.error = error.message;
  }
}

async function sample({ run, samples, plan: { times, count, rouse } }, round) {
  if (round < count) samples.push((await run(times, rouse)) / times);
}

/**
 * Runs a contestant for a while; returns how often a sample does the work, and how many it gets. A
 * contestant that spends its whole time on the first run has had its only sample.
 */
async function warmUp(run, { repeat, sampleMilliseconds, warmUpMilliseconds }) {
  let times = 1;
  let spent = 0;
  let last = await run(times, false);
  if (last >= BUDGET_MILLISECONDS) return { times, count: 0, samples: [last] };
  for (spent += last; spent < warmUpMilliseconds; spent += last) {
    times = fittingTimes(times, last, sampleMilliseconds);
    last = await run(times, false);
  }
  const fitting = fittingTimes(times, last, sampleMilliseconds);
  const affordable = Math.floor((BUDGET_MILLISECONDS * times) / (last * fitting));
  const count = Math.min(repeat, Math.max(affordable, FEWEST_SAMPLES));
  return { times: fitting, count, rouse: last / times < ROUSED_MILLISECONDS, samples: [] };
}

/** How often to do work, of which so many times took so long, to fill a sample: step by step. */
export function fittingTimes(times, milliseconds, sampleMilliseconds) {
  const fitting = Math.round((times * sampleMilliseconds) / Math.max(milliseconds, 0.001));
  return Math.max(1, Math.min(fitting, 10 * times));
}

export function summarise(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { min: sorted[0], median: at(0.5), p95: at(0.95) };
}
