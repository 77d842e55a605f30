/** Timing of workloads: warm-up, length of a sample, and interleaved samples. */

import type { Executable, Runtime } from '../backends/runtime.js';
import { interleave, summarise, type Timing } from '../interleave.js';

/** Something to time. */
export interface Workload {
  /** Runs the workload `times` times; resolves when the runtime has finished. */
  run(times: number): Promise<unknown> | unknown;
}

/** Runs a workload `times` times and returns the milliseconds of all runs together. */
export type Stopwatch = (times: number) => Promise<number>;

export interface WarmUpOptions {
  /** Milliseconds of one sample: long enough to hide the clock's resolution and the cost of a call. */
  readonly sampleMilliseconds: number;
  /** Milliseconds until compilers have settled. */
  readonly warmUpMilliseconds: number;
}

const SAMPLE_MILLISECONDS = 20;
const WARM_UP_MILLISECONDS = 150;
/** After this, the threads of the previous candidate sleep. */
const IDLE_MILLISECONDS = 5;
/** The resolution to which a GPU's clock may be rounded; shorter times read as zero. */
const COARSEST_MILLISECONDS = 0.1;

/** A compiled step as a workload. */
export function workloadOf(executable: Executable, runtime: Runtime): Workload {
  return {
    async run(times) {
      await executable.run(times);
      await runtime.finish();
    },
  };
}

/**
 * Warms up each workload, then times all of them in turn, A B C A B C …. A sample repeats its
 * workload until it takes about 20 ms.
 *
 * @param rounds samples per workload
 * @returns milliseconds of one run of each workload, in the order of the workloads
 */
export async function timeInterleaved(
  workloads: readonly Workload[],
  rounds: number,
): Promise<Timing[]> {
  const options = {
    sampleMilliseconds: SAMPLE_MILLISECONDS,
    warmUpMilliseconds: WARM_UP_MILLISECONDS,
  };
  const candidates: (() => Promise<number>)[] = [];
  for (const workload of workloads) {
    const stopwatch: Stopwatch = (times) => millisecondsOf(() => workload.run(times));
    const { times } = await warmUp(stopwatch, options);
    candidates.push(async () => (await stopwatch(times)) / times);
  }
  const samples = await interleave(candidates, { rounds, waitIdle });
  return samples.map(summarise);
}

/**
 * Runs a workload until it is warm.
 *
 * @returns runs that fill a sample, and milliseconds of one run
 */
export async function warmUp(
  stopwatch: Stopwatch,
  { sampleMilliseconds, warmUpMilliseconds }: WarmUpOptions,
): Promise<{ times: number; milliseconds: number }> {
  let times = 1;
  let last = await stopwatch(times);
  for (let spent = last; spent < warmUpMilliseconds; spent += last) {
    times = fittingTimes(times, last, sampleMilliseconds);
    last = await stopwatch(times);
  }
  return { times: fittingTimes(times, last, sampleMilliseconds), milliseconds: last / times };
}

/** Runs that fill a sample, if `times` runs took `milliseconds`; at most ten times as many. */
function fittingTimes(times: number, milliseconds: number, sampleMilliseconds: number): number {
  const fitting = Math.round((times * sampleMilliseconds) / Math.max(milliseconds, 0.001));
  return Math.max(1, Math.min(fitting, 10 * times));
}

function waitIdle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, IDLE_MILLISECONDS));
}

export async function millisecondsOf(action: () => Promise<unknown> | unknown): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Runs that fill a sample of 20 ms, if one takes `milliseconds` by a clock that may be coarse. */
export function fittingSample(milliseconds: number): number {
  const atLeast = Math.max(milliseconds, COARSEST_MILLISECONDS);
  return Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / atLeast));
}

/** The median of samples that are taken one after the other. */
export async function medianOf(rounds: number, sample: () => Promise<number>): Promise<number> {
  const [samples] = await interleave([sample], { rounds });
  return summarise(samples).median;
}
