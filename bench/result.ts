import type { Backend } from '../src/backends/backend.js';
import type { Environment } from './environment.js';
import type { Timing } from './harness.js';

/** One line of a benchmark. */
export interface BenchResult {
  readonly op: string;
  readonly shape: Readonly<Record<string, number | string>>;
  readonly backend: string;
  /** The backend's build, such as `relaxed`. */
  readonly build: string;
  readonly threads: number;
  readonly ms?: Timing;
  /** Of the median. Multiply-adds of padding do not count. */
  readonly gflops?: number;
  readonly gigabytesPerSecond?: number;
  /** Time of the roof, measured in the same run, over this median: see roofs.ts. */
  readonly roofFraction?: number;
  readonly stepMs?: Timing;
  readonly imagesPerSecond?: number;
  /** Whether the results were compared with the reference before timing, and agreed. */
  readonly verified: boolean;
}

export interface BenchReport {
  readonly environment: Environment;
  readonly results: readonly BenchResult[];
}

/** How a result names the backend that it was measured on. */
export function identify({ info }: Backend) {
  return { backend: info.backend, build: info.build, threads: info.threads };
}
