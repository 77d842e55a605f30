import { inTwoAxes, type Pass, type Plan, perElement } from './passes.js';

/** C (M, G, N) = A·B, as shaders/gemm.wgsl computes it. */
export interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** How many products lie side by side; 1 by default. */
  readonly G?: number;
  readonly hasBias?: boolean;
  /** A is stored as (K, M). */
  readonly transposeA?: boolean;
  /** B is stored as (N, K). */
  readonly transposeB?: boolean;
}

/** A workgroup's tile of a product. */
interface Tile {
  /** Invocations in a row and in a column; each has 4 × 4 elements. */
  readonly side: number;
  /** Fewest terms of a sum that are worth a part: writing it down and reading it again has a price. */
  readonly leastTerms: number;
}

const LARGE: Tile = { side: 16, leastTerms: 256 };
const SMALL: Tile = { side: 8, leastTerms: 64 };

/** Workgroups that keep a GPU busy. */
const ENOUGH = 128;
/** Workgroups up to which sums are cut in parts. */
const PLENTY = 256;

/** Large tiles where there are enough of them, small ones otherwise. */
export function planProduct(product: Product): Plan {
  const large = cut(product, LARGE);
  const fits = Math.min(product.M, product.N) > 4 * SMALL.side;
  const { side, parts, groups } = fits && large.groups >= ENOUGH ? large : cut(product, SMALL);
  const { M, N, G = 1, hasBias, transposeA, transposeB } = product;
  const constants = {
    SIDE: side,
    TRANSPOSE_A: Number(transposeA ?? false),
    TRANSPOSE_B: Number(transposeB ?? false),
  };
  const suffix = hasBias ? 'WithBias' : '';
  const sums: Pass = {
    entryPoint: parts === 1 ? `product${suffix}` : 'product',
    workgroups: inTwoAxes(groups),
    constants,
  };
  const size = M * G * N;
  const sum: Pass = {
    entryPoint: `sumOfParts${suffix}`,
    workgroups: perElement(size),
    constants,
  };
  return inParts(parts, size, sums, sum);
}

/** `sums` computes `size` elements, each in parts; where there are several, `sum` adds them up. */
export function inParts(parts: number, size: number, sums: Pass, sum: Pass): Plan {
  if (parts === 1) return { passes: [sums], scratch: 0 };
  return { passes: [sums, sum], scratch: 4 * parts * size };
}

/** How many workgroups compute a product in such tiles, and in how many parts. */
function cut({ M, N, K, G = 1 }: Product, { side, leastTerms }: Tile) {
  const tiles = Math.ceil(M / (4 * side)) * Math.ceil(N / (4 * side)) * G;
  const parts = partsOf(tiles, K, leastTerms);
  return { side, parts, groups: tiles * parts };
}

function partsOf(groups: number, terms: number, leastTerms: number): number {
  return Math.max(1, Math.floor(Math.min(PLENTY / groups, terms / leastTerms)));
}
