import { TERMS_PER_BLOCK } from '../../../ops/constants.js';
import { inTwoAxes, type Pass, type Plan, perElement, splitReduction } from '../kernels/passes.js';
import type { Variant } from '../shaders/shaders.js';

/** C (R, G, N) = A·B, as shaders/gemm.wgsl computes it. */
export interface Gemm {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Groups, each a GEMM of its own; 1 by default. */
  readonly G?: number;
  /** Phases: GEMMs that compute different rows of C; 1 by default. */
  readonly phases?: number;
  /** Rows of C; M by default. */
  readonly R?: number;
  readonly hasBias?: boolean;
  /** Whether A is stored as (K, M). */
  readonly transposeA?: boolean;
  /** Whether B is stored as (N, K). */
  readonly transposeB?: boolean;
  /** Whether four rows of a column of A, from a multiple of 4, are contiguous: A is loaded as vec4. */
  readonly vec4A?: boolean;
  /** Whether four columns of a row of B, from a multiple of 4, are contiguous: B is loaded as vec4. */
  readonly vec4B?: boolean;
}

/** The tile of C that a workgroup computes. */
export interface Tile {
  /** Invocations down and across. */
  readonly rows: number;
  readonly columns: number;
  /** Blocks of 4 × 4 elements along either side of an invocation's register tile. */
  readonly blocks: number;
  /** Steps along K: terms per load of the tiles of A and B. */
  readonly depth: number;
  /** Estimated clock cycles that each lane of a core takes per multiply-add. */
  readonly cycles: number;
}

/** How a GEMM is distributed over workgroups. */
export interface Tiling {
  readonly tile: Tile;
  /** Splits of K, each computed by workgroups of its own (split-K). */
  readonly splits: number;
}

/** The tiles to choose from: 128 × 128 elements, 128 × 64, 64 × 64, 32 × 32 and 64 × 16. */
export const TILES: readonly Tile[] = [
  { rows: 16, columns: 16, blocks: 2, depth: 8, cycles: 1.6 },
  { rows: 16, columns: 8, blocks: 2, depth: 4, cycles: 1.8 },
  { rows: 16, columns: 16, blocks: 1, depth: 16, cycles: 2.5 },
  { rows: 8, columns: 8, blocks: 1, depth: 8, cycles: 3 },
  { rows: 16, columns: 4, blocks: 1, depth: 4, cycles: 3.5 },
];

/** For software adapters: small workgroups compile faster and balance better over few cores. */
export const SMALL_TILES: readonly Tile[] = [TILES[3]];

// The cost model counts clock cycles of a large GPU. Its constants are rough.

/** Multiply-adds per cycle at full occupancy. */
const LANES = 16_384;
/** Minimum for a step along K: the latency of its loads. */
const STEP_CYCLES = 400;
/** Cost of a second pass. */
const PASS_CYCLES = 5000;
/** Latency per split in the second pass. */
const SPLIT_CYCLES = 100;
/** Memory bandwidth, reads and writes together. */
const BYTES_PER_CYCLE = 1500;
/** Fewest terms per split. */
const MIN_TERMS_PER_SPLIT = 64;
/** Most terms per split: a block of blocks of sums, so that rounding errors do not add up. */
const MAX_TERMS_PER_SPLIT = TERMS_PER_BLOCK ** 2;
/** Limit of the scratch memory for partial sums. */
const MAX_SCRATCH_BYTES = 2 ** 26;

/** All tilings of a GEMM, the one with the lowest estimated cost first. */
export function tilingsOf(gemm: Gemm, tiles: readonly Tile[] = TILES): Tiling[] {
  const tilings = tiles.flatMap((tile) => splitCounts(gemm).map((splits) => ({ tile, splits })));
  return tilings
    .map((tiling) => ({ tiling, cost: estimateCycles(gemm, tiling) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ tiling }) => tiling);
}

/**
 * 1, 2, 4, … while the splits are long enough and their partial sums fit in scratch memory, without
 * those whose splits are too long, as far as the others fit.
 */
export function splitCounts(gemm: Gemm): number[] {
  const counts = [1];
  for (let splits = 2; gemm.K >= MIN_TERMS_PER_SPLIT * splits; splits *= 2) {
    if (4 * splits * sizeOf(gemm) > MAX_SCRATCH_BYTES) break;
    counts.push(splits);
  }
  const accurate = counts.filter((splits) => gemm.K <= MAX_TERMS_PER_SPLIT * splits);
  return accurate.length > 0 ? accurate : counts.slice(-1);
}

/**
 * Estimated clock cycles of a GEMM: the latency of one workgroup (which dominates at low occupancy,
 * where few workgroups run), plus the arithmetic of all workgroups at full occupancy, plus the second
 * pass of split-K.
 */
export function estimateCycles(gemm: Gemm, { tile, splits }: Tiling): number {
  const { rows, columns, blocks, depth, cycles } = tile;
  const groups = groupsOf(gemm, tile) * splits;
  const steps = Math.ceil(gemm.K / (splits * depth));
  const multiplyAdds = groups * steps * depth * 16 * blocks * blocks * rows * columns;
  const latency = steps * Math.max(STEP_CYCLES, depth * 16 * blocks * blocks * cycles);
  const bytes = splits === 1 ? 0 : 8 * splits * sizeOf(gemm);
  const secondPass =
    splits === 1 ? 0 : PASS_CYCLES + splits * SPLIT_CYCLES + bytes / BYTES_PER_CYCLE;
  return latency + (multiplyAdds * cycles) / LANES + secondPass;
}

/** The passes that compute a GEMM with this tiling. */
export function planGemm(gemm: Gemm, { tile, splits }: Tiling): Plan {
  const { rows, columns, blocks, depth } = tile;
  const { hasBias, transposeA, transposeB, vec4A, vec4B } = gemm;
  const variants: Variant[] = [
    ...(vec4A ? ['read-a-vec4' as const] : []),
    ...(vec4B ? ['read-b-vec4' as const] : []),
  ];
  const transposes = {
    TRANSPOSE_A: Number(transposeA ?? false),
    TRANSPOSE_B: Number(transposeB ?? false),
  };
  // The pass that computes the final sums has the epilogue.
  const epilogue = hasBias ? 'WithBias' : '';
  const first: Pass = {
    entryPoint: splits === 1 ? `gemm${epilogue}` : 'gemm',
    workgroups: inTwoAxes(groupsOf(gemm, tile) * splits),
    constants: { ROWS: rows, COLUMNS: columns, BLOCKS: blocks, DEPTH: depth, ...transposes },
    variants,
  };
  const size = sizeOf(gemm);
  const second: Pass = {
    entryPoint: `sumSplits${epilogue}`,
    workgroups: perElement(size),
    constants: transposes,
    variants,
  };
  return splitReduction(splits, size, first, second);
}

/** Workgroups per split. */
function groupsOf({ M, N, G = 1, phases = 1 }: Gemm, { rows, columns, blocks }: Tile): number {
  return Math.ceil(M / (4 * blocks * rows)) * Math.ceil(N / (4 * blocks * columns)) * G * phases;
}

/** Elements of C. */
function sizeOf({ M, N, G = 1, R = M }: Gemm): number {
  return R * N * G;
}
