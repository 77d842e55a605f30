import type { Crossover } from './crossover.js';
import type { Environment } from './environment.js';
import type { BenchResult } from './result.js';

/** The object that `handgrad bench --json` prints. */
export interface BenchReport {
  readonly environment: Environment;
  readonly results: readonly BenchResult[];
  readonly crossovers: readonly Crossover[];
  /** Sentences on how to read the figures, and on figures that could not be measured. */
  readonly notes: readonly string[];
}
