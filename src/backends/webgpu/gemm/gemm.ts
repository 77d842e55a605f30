import { inParts, inTwoAxes, type Pass, type Plan, perElement } from '../kernels/passes.js';
import { productShader } from '../shaders/shaders.js';

/** C (R, G, N) = A·B, as shaders/gemm.wgsl computes it. */
export interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** How many products lie side by side; 1 by default. */
  readonly G?: number;
  /** How many products, each with rows of its own, make up C; 1 by default. */
  readonly phases?: number;
  /** Rows of C; M by default. */
  readonly R?: number;
  readonly hasBias?: boolean;
  /** A is stored as (K, M). */
  readonly transposeA?: boolean;
  /** B is stored as (N, K). */
  readonly transposeB?: boolean;
  /** Whether four rows of a column of A, from a multiple of 4, lie side by side. */
  readonly readsAInFours?: boolean;
  /** Whether four columns of a row of B, from a multiple of 4, lie side by side. */
  readonly readsBInFours?: boolean;
}

/** A workgroup's tile of a product. */
export interface Tile {
  /** Invocations down and across. */
  readonly rows: number;
  readonly columns: number;
  /** Blocks of 4 × 4 elements that an invocation has along either side. */
  readonly blocks: number;
  /** Terms of a sum per step. */
  readonly depth: number;
  /** Estimated clock cycles of a core per multiply-add of each of its lanes. */
  readonly cycles: number;
}

/** How a product is cut. */
export interface Cut {
  readonly tile: Tile;
  /** Parts of the sums, each computed by workgroups of its own. */
  readonly parts: number;
}

/** The tiles that there are: 128 × 128 elements, 128 × 64, 64 × 64, 32 × 32 and 64 × 16. */
export const TILES: readonly Tile[] = [
  { rows: 16, columns: 16, blocks: 2, depth: 8, cycles: 1.6 },
  { rows: 16, columns: 8, blocks: 2, depth: 4, cycles: 1.8 },
  { rows: 16, columns: 16, blocks: 1, depth: 16, cycles: 2.5 },
  { rows: 8, columns: 8, blocks: 1, depth: 8, cycles: 3 },
  { rows: 16, columns: 4, blocks: 1, depth: 4, cycles: 3.5 },
];

/** For a GPU that is a CPU: small workgroups, which compile and take turns sooner. */
export const SMALL_TILES: readonly Tile[] = [TILES[3]];

// What a cut costs is estimated in clock cycles of a large GPU. The figures are rough.

/** Multiply-adds that it does in a cycle. */
const LANES = 16_384;
/** A step that waits for its loads. */
const STEP_CYCLES = 400;
/** One more pass. */
const PASS_CYCLES = 5000;
/** A part of a sum that waits for its loads. */
const PART_CYCLES = 100;
/** Bytes of memory, to and fro. */
const BYTES_PER_CYCLE = 1500;
/** Fewest terms of a sum that are worth a part. */
const LEAST_TERMS = 64;
/** Most bytes of parts. */
const MOST_SCRATCH = 2 ** 26;

/** Every way to cut a product in such tiles, the one with the least estimated cost first. */
export function cutsOf(product: Product, tiles: readonly Tile[] = TILES): Cut[] {
  const cuts = tiles.flatMap((tile) => partCounts(product).map((parts) => ({ tile, parts })));
  return cuts
    .map((cut) => ({ cut, cost: estimate(product, cut) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ cut }) => cut);
}

/** 1, 2, 4, … as long as parts are worth their while. */
export function partCounts(product: Product): number[] {
  const counts = [1];
  for (let parts = 2; product.K >= LEAST_TERMS * parts; parts *= 2) {
    if (4 * parts * sizeOf(product) > MOST_SCRATCH) break;
    counts.push(parts);
  }
  return counts;
}

/** Clock cycles: what one workgroup takes by itself, and what all of them compute. */
export function estimate(product: Product, { tile, parts }: Cut): number {
  const { rows, columns, blocks, depth, cycles } = tile;
  const groups = groupsOf(product, tile) * parts;
  const steps = Math.ceil(product.K / (parts * depth));
  const computed = groups * steps * depth * 16 * blocks * blocks * rows * columns;
  const alone = steps * Math.max(STEP_CYCLES, depth * 16 * blocks * blocks * cycles);
  const moved = parts === 1 ? 0 : 8 * parts * sizeOf(product);
  const passes = parts === 1 ? 0 : PASS_CYCLES + parts * PART_CYCLES + moved / BYTES_PER_CYCLE;
  return alone + (computed * cycles) / LANES + passes;
}

/** What a product of some op's shader runs when it is cut so. */
export function planProduct(operands: string, product: Product, { tile, parts }: Cut): Plan {
  const { rows, columns, blocks, depth } = tile;
  const { hasBias, transposeA, transposeB, readsAInFours, readsBInFours } = product;
  const transposes = {
    TRANSPOSE_A: Number(transposeA ?? false),
    TRANSPOSE_B: Number(transposeB ?? false),
  };
  const inFours = { A: readsAInFours ?? false, B: readsBInFours ?? false };
  const shader = productShader(operands, inFours);
  const suffix = hasBias ? 'WithBias' : '';
  const sums: Pass = {
    entryPoint: parts === 1 ? `product${suffix}` : 'product',
    workgroups: inTwoAxes(groupsOf(product, tile) * parts),
    constants: { ROWS: rows, COLUMNS: columns, BLOCKS: blocks, DEPTH: depth, ...transposes },
    shader,
  };
  const size = sizeOf(product);
  const sum: Pass = {
    entryPoint: `sumOfParts${suffix}`,
    workgroups: perElement(size),
    constants: transposes,
    shader,
  };
  return inParts(parts, size, sums, sum);
}

/** Workgroups for the sums, if they are not cut in parts. */
function groupsOf({ M, N, G = 1, phases = 1 }: Product, { rows, columns, blocks }: Tile): number {
  return Math.ceil(M / (4 * blocks * rows)) * Math.ceil(N / (4 * blocks * columns)) * G * phases;
}

/** Elements of C. */
function sizeOf({ M, N, G = 1, R = M }: Product): number {
  return R * N * G;
}
