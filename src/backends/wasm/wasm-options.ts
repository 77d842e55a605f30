import type { Kinds } from '../../options.js';
import { BUILDS } from './module.js';

/** Options of the wasm backend. */
export interface WasmOptions {
  /**
   * Calls that take one thread at least this many nanoseconds are partitioned among threads; 0
   * partitions every call that threads can share, as tests do.
   */
  readonly worthPartitioning?: number | undefined;
  /** Rows of the GEMM's register tiles, 6 or 4; by default the faster one on this engine. 6 with `pairsStrips`. */
  readonly tileRows?: 6 | 4 | undefined;
  /** Whether large GEMMs compute two strips of columns at once; by default with `revectorize`, where that is faster. */
  readonly pairsStrips?: boolean | undefined;
  /** The build to run; by default the best one that the engine supports. */
  readonly build?: 'relaxed' | 'simd' | undefined;
  /**
   * Lets V8 combine pairs of 128-bit vectors into 256-bit ones (Node 22, 26 and newer; experimental
   * there). This affects all WebAssembly that the process compiles from then on.
   */
  readonly revectorize?: boolean | undefined;
  /** Number of threads, an integer from 1 to 64; by default the number of cores minus one, at most 8. */
  readonly threads?: number | undefined;
}

/** The kinds of the options, for `expectOptions`. */
export const WASM_OPTIONS: Kinds<WasmOptions> = {
  threads: 'number',
  worthPartitioning: 'number',
  tileRows: [6, 4],
  pairsStrips: 'boolean',
  build: BUILDS,
  revectorize: 'boolean',
};
