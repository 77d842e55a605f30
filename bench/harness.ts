import type { Device, Executable } from '../src/backends/device.js';

/** Something to time. */
export interface Contestant {
  /** Does the work `times` times, and waits until it is done. */
  run(times: number): Promise<unknown> | unknown;
}

/** A compiled step as a contestant, which is done when the device is. */
export function contestantOf(executable: Executable, device: Device): Contestant {
  return {
    async run(times) {
      await executable.run(times);
      await device.finish();
    },
  };
}

/** Milliseconds for doing the work once. */
export interface Timing {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
}

/** Long enough that neither the clock nor the call matters. */
const SAMPLE_MILLISECONDS = 20;
const WARM_UP_MILLISECONDS = 150;

/**
 * Times contestants in turn, A B C A B C …, so that a machine whose speed drifts drifts for all of
 * them alike. Each is warmed up first, until its compiler has settled, and then does its work so
 * often per sample that a sample takes 20 ms.
 *
 * @param repeat samples per contestant
 * @returns one timing per contestant, in their order
 */
export async function race(contestants: readonly Contestant[], repeat: number): Promise<Timing[]> {
  const times: number[] = [];
  for (const contestant of contestants) times.push(await warmUp(contestant));
  const samples: number[][] = contestants.map(() => []);
  for (let round = 0; round < repeat; round++) {
    for (const [i, contestant] of contestants.entries()) {
      await rest();
      samples[i].push((await time(contestant, times[i])) / times[i]);
    }
  }
  return samples.map(summarise);
}

/** Runs a contestant for a while; returns how often it must do its work to fill a sample. */
async function warmUp(contestant: Contestant): Promise<number> {
  let times = 1;
  let spent = 0;
  let last = await time(contestant, times);
  for (spent += last; spent < WARM_UP_MILLISECONDS; spent += last) {
    times = fittingTimes(times, last);
    last = await time(contestant, times);
  }
  return fittingTimes(times, last);
}

/** Until the threads of the last contestant sleep. */
function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function fittingTimes(times: number, milliseconds: number): number {
  const fitting = Math.round((times * SAMPLE_MILLISECONDS) / Math.max(milliseconds, 0.001));
  return Math.max(1, Math.min(fitting, 10 * times));
}

function time(contestant: Contestant, times: number): Promise<number> {
  return millisecondsOf(() => contestant.run(times));
}

export async function millisecondsOf(work: () => Promise<unknown> | unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** What a GPU's clock may be rounded to: less reads as nothing. */
const COARSEST_MILLISECONDS = 0.1;

/** How often work that takes so long fills a sample. */
export function fittingSample(milliseconds: number): number {
  const atLeast = Math.max(milliseconds, COARSEST_MILLISECONDS);
  return Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / atLeast));
}

/** The median of so many figures, measured one after the other. */
export async function medianOf(samples: number, measure: () => Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (let i = 0; i < samples; i++) figures.push(await measure());
  return summarise(figures).median;
}

function summarise(samples: readonly number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { min: sorted[0], median: at(0.5), p95: at(0.95) };
}
