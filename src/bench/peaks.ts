/**
 * Peaks of the roofline model, measured in the same run as the workload: multiply-adds, exponentials
 * and bytes per second. A workload cannot take less time than the slowest of its peaks allows.
 */

import type { Peaks } from '../backends/runtime.js';
import type { Timing } from '../interleave.js';
import type { Backend } from '../numerics/backend.js';
import { OPS } from '../ops/registry.js';
import { naturalOrder } from '../random/threefry.js';
import { Step } from '../step.js';
import { persistent } from '../tensor.js';
import { timeInterleaved, type Workload, workloadOf } from './harness.js';

/** One limit of the roofline model: the least time of a workload at the peak rate of one resource. */
export interface Peak extends Workload {
  /** Milliseconds that the workload takes at this peak, from the timing of the peak itself. */
  limit(milliseconds: number): number;
  release(): void;
}

/**
 * Times workloads and their peaks interleaved.
 *
 * @param peaks of each workload; this function releases them
 * @returns for each workload its timing, and the time at its slowest peak as a share of the median
 */
export async function timeWithPeaks(
  workloads: readonly Workload[],
  peaks: readonly (readonly Peak[])[],
  rounds: number,
): Promise<{ ms: Timing; roofFraction?: number }[]> {
  const timings = await timeInterleaved([...workloads, ...peaks.flat()], rounds);
  const peakTimings = timings.slice(workloads.length).values();
  for (const peak of peaks.flat()) peak.release();
  return workloads.map((_, i) => {
    const ms = timings[i];
    const limits = peaks[i].map((peak) => peak.limit((peakTimings.next().value as Timing).median));
    return limits.length > 0 ? { ms, roofFraction: Math.max(...limits) / ms.median } : { ms };
  });
}

/** Turns of the loop per run: few enough that a software GPU finishes in milliseconds. */
const TURNS = 100;

/** Time of `operations` / 2 independent multiply-adds, partitioned among the backend's threads. */
export function multiplyAddPeak(backend: Backend, operations: number): Promise<Peak[]> {
  return loopPeak(backend, 'multiplyAdds', operations);
}

/** Time of `count` independent exponentials, partitioned among the backend's threads. */
export function exponentialPeak(backend: Backend, count: number): Promise<Peak[]> {
  return loopPeak(backend, 'exponentials', count);
}

/** No peak for a backend that cannot measure it. A GPU runs the loop on all cores and counts as one thread. */
async function loopPeak(
  { runtime, info }: Backend,
  loop: keyof Peaks,
  count: number,
): Promise<Peak[]> {
  const { peaks } = runtime;
  if (!peaks) return [];
  const perCall = await peaks[loop](TURNS);
  const peak: Peak = {
    run: (times) => peaks[loop](TURNS * times),
    limit: (milliseconds) => (milliseconds * count) / perCall / info.threads,
    release: () => {},
  };
  return [peak];
}

/**
 * Time of a copy that reads and writes as many bytes in total as the workload. The arrays of the copy
 * are as large as the workload's, so that both fit in the same caches.
 *
 * @param bytes that the workload reads and writes
 * @param arraySize bytes of one of its arrays
 */
export async function copyPeak(
  { runtime }: Backend,
  bytes: number,
  arraySize: number,
): Promise<Peak> {
  const rows = 64;
  const columns = Math.max(1, Math.round(arraySize / 4 / rows));
  const [x, data] = [persistent('x', [rows, columns]), persistent('data', [rows, columns])];
  const [index, state] = [persistent('index', [rows], 'int32'), persistent('state', [4], 'int32')];
  const step = new Step();
  step.call(OPS.gatherReals, { data, index, state }, { into: { x } });
  const executable = await runtime.compile(step);
  runtime.write(index, naturalOrder(rows));
  const moved = 2 * 4 * rows * columns;
  return {
    ...workloadOf(executable, runtime),
    limit: (milliseconds) => (milliseconds * bytes) / moved,
    release: () => {
      executable.close();
      runtime.release([x, data, index, state]);
    },
  };
}
