import type { Crossover } from './crossover.js';
import type { Environment } from './environment.js';
import type { Timing } from './harness.js';
import type { Transfer } from './op-case.js';

/** One line of a benchmark. */
export interface BenchResult {
  readonly op: string;
  readonly shape: Readonly<Record<string, number | string>>;
  readonly backend: string;
  /** The backend's build, such as `relaxed`. */
  readonly build: string;
  readonly threads: number;
  /** What tells it from others of the same build, such as `without bounds checks`. */
  readonly variant?: string;
  readonly ms?: Timing;
  /** Of the median. Multiply-adds of padding do not count. */
  readonly gflops?: number;
  readonly gigabytesPerSecond?: number;
  /** Time of the roof, measured in the same run, over this median: see roofs.ts. */
  readonly roofFraction?: number;
  readonly stepMs?: Timing;
  /** Of one run or step, the kernels alone by the GPU's own clock: a median. */
  readonly kernelMs?: number;
  /** The first run, or everything up to the first loss, on a backend just opened. */
  readonly coldMs?: number;
  readonly transfer?: Transfer;
  readonly imagesPerSecond?: number;
  readonly overhead?: Overhead;
  /** Whether the results agreed with the reference before timing; absent where none are compared. */
  readonly verified?: boolean;
}

/** What kernels cost the CPU: see overhead.ts. */
export interface Overhead {
  readonly microsecondsPerKernel: number;
  readonly kernelsPerStep: number;
  /** Over which the cost of a submission is spread. */
  readonly kernelsPerSubmit: number;
}

export interface BenchReport {
  readonly environment: Environment;
  readonly results: readonly BenchResult[];
  readonly crossovers: readonly Crossover[];
  /** What could not be measured, and what a figure means where that is not plain; a sentence each. */
  readonly notes: readonly string[];
}
