import type { Values } from '../../tensor.js';
import type { RunPosition } from './run-settings.js';

/** Consecutive steps that were submitted to the backend in one call. */
export interface Chunk {
  /** Number of the first step, from 0. */
  readonly first: number;
  readonly batchSize: number;
  readonly rates: readonly number[];
  readonly began: number;
  readonly losses: Promise<Values>;
  /** The position after these steps; the position before them if they fail. */
  readonly after: Promise<RunPosition>;
}
