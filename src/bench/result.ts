import type { Timing } from '../interleave.js';

/** One line of a benchmark. The field names are the keys of `--json`. */
export interface BenchResult {
  readonly op: string;
  readonly shape: Readonly<Record<string, number | string>>;
  readonly backend: string;
  /** The backend's build, such as `relaxed`. */
  readonly build: string;
  readonly threads: number;
  /** Distinguishes candidates of the same build, such as `without bounds checks`. */
  readonly variant?: string;
  readonly ms?: Timing;
  /** Computed from the median. Multiply-adds on padding do not count. */
  readonly gflops?: number;
  readonly gigabytesPerSecond?: number;
  /** Time at the slowest peak, measured in the same run, divided by this median: see peaks.ts. */
  readonly roofFraction?: number;
  readonly stepMs?: Timing;
  /** Kernels of one run or step, by the GPU's timestamps: a median. */
  readonly kernelMs?: number;
  /** The first run, or everything up to the first loss, on a newly opened backend. */
  readonly coldMs?: number;
  readonly transfer?: Transfer;
  readonly imagesPerSecond?: number;
  readonly overhead?: Overhead;
  /** Whether the results agreed with the reference before timing; absent if none were compared. */
  readonly verified?: boolean;
}

/** Upload of operands and readback of results. */
export interface Transfer {
  readonly uploadBytes: number;
  readonly uploadMs: number;
  readonly readbackBytes: number;
  readonly readbackMs: number;
}

/** CPU time of encoding and submitting kernels: see overhead.ts. */
export interface Overhead {
  readonly microsecondsPerKernel: number;
  readonly kernelsPerStep: number;
  /** Kernels that share the cost of one submission. */
  readonly kernelsPerSubmit: number;
}
