import type { Peaks } from '../src/backends/device.js';
import type { Backend } from '../src/numerics/backend.js';
import { Step } from '../src/step.js';
import { persistent } from '../src/tensor.js';
import { type Contestant, contestantOf, race, type Timing } from './harness.js';

/** The least time that some work can take, measured in the same run as the work. */
export interface Roof extends Contestant {
  /** Milliseconds that the roof needs for the work, from its own timing. */
  limit(milliseconds: number): number;
  release(): void;
}

/**
 * Races contestants and their roofs together.
 *
 * @param roofs of each contestant; they are released
 * @returns for each contestant its timing, and the share of it that its slowest roof would take
 */
export async function raceUnderRoofs(
  contestants: readonly Contestant[],
  roofs: readonly (readonly Roof[])[],
  repeat: number,
): Promise<{ ms: Timing; roofFraction?: number }[]> {
  const timings = await race([...contestants, ...roofs.flat()], repeat);
  const roofTimings = timings.slice(contestants.length).values();
  for (const roof of roofs.flat()) roof.release();
  return contestants.map((_, i) => {
    const ms = timings[i];
    const limits = roofs[i].map((roof) => roof.limit((roofTimings.next().value as Timing).median));
    return limits.length > 0 ? { ms, roofFraction: Math.max(...limits) / ms.median } : { ms };
  });
}

/** So few that a GPU in software does them in milliseconds; a race asks for them many times. */
const TURNS = 100;

/** What a loop of independent multiply-adds takes for `operations`, on n threads the n-th part. */
export function multiplyAddRoof(backend: Backend, operations: number): Promise<Roof[]> {
  return loopRoof(backend, 'multiplyAdds', operations);
}

/** What a loop of independent exponentials takes for `count` of them, on n threads the n-th part. */
export function exponentialRoof(backend: Backend, count: number): Promise<Roof[]> {
  return loopRoof(backend, 'exponentials', count);
}

/** A GPU's loop runs on all of it, and counts as one thread. */
async function loopRoof(
  { device, info }: Backend,
  loop: keyof Peaks,
  count: number,
): Promise<Roof[]> {
  const { peaks } = device;
  if (!peaks) return [];
  const perCall = await peaks[loop](TURNS);
  const roof: Roof = {
    run: (times) => peaks[loop](TURNS * times),
    limit: (milliseconds) => (milliseconds * count) / perCall / info.threads,
    release: () => {},
  };
  return [roof];
}

/**
 * What copying takes that moves as many bytes, in and out together, as the work does. It is done
 * with arrays of the work's own size, so that it meets the same caches.
 *
 * @param bytes that the work reads and writes
 * @param arraySize bytes of one of its arrays
 */
export async function copyRoof(
  { device }: Backend,
  bytes: number,
  arraySize: number,
): Promise<Roof> {
  const rows = 64;
  const columns = Math.max(1, Math.round(arraySize / 4 / rows));
  const [x, data] = [persistent('x', [rows, columns]), persistent('data', [rows, columns])];
  const [index, state] = [persistent('index', [rows], 'int32'), persistent('state', [4], 'int32')];
  const step = new Step();
  step.call('gatherReals', { x, data, index, state });
  const executable = await device.compile(step);
  device.write(
    index,
    Int32Array.from({ length: rows }, (_, n) => n),
  );
  const moved = 2 * 4 * rows * columns;
  return {
    ...contestantOf(executable, device),
    limit: (milliseconds) => (milliseconds * bytes) / moved,
    release: () => {
      executable.close();
      device.release([x, data, index, state]);
    },
  };
}
