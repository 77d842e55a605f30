import { type Cut, cutsOf, type Product, partCounts, TILES, type Tile } from './gemm.js';

/** How the products of one GPU are cut: as was measured there, or else as is estimated. */
export class Cuts {
  /** What there is to choose from. */
  readonly tiles: readonly Tile[];
  readonly #known: Map<string, Cut>;

  /** @param known cuts that were measured, by `keyOf`; grows */
  constructor(tiles: readonly Tile[], known: Map<string, Cut> = new Map()) {
    this.tiles = tiles;
    this.#known = known;
  }

  /** The cut that was measured for a product of that shader, if one was. */
  measured(shader: string, product: Product): Cut | undefined {
    const known = this.#known.get(keyOf(shader, product));
    // A file may say anything.
    return known && partCounts(product).includes(known.parts) ? known : undefined;
  }

  cutOf(shader: string, product: Product): Cut {
    return this.measured(shader, product) ?? cutsOf(product, this.tiles)[0];
  }

  keep(shader: string, product: Product, cut: Cut): void {
    this.#known.set(keyOf(shader, product), cut);
  }
}

/** Products with the same key take the same time. */
export function keyOf(shader: string, product: Product): string {
  const { M, N, K, G = 1, phases = 1, R = M, hasBias } = product;
  const { transposeA, transposeB, readsAInFours, readsBInFours } = product;
  const flags = [hasBias, transposeA, transposeB, readsAInFours, readsBInFours];
  return [shader, M, N, K, G, phases, R, ...flags.map((flag) => Number(flag ?? false))].join(' ');
}

/** `128x64/4`: a tile of 128 × 64 elements, sums in 4 parts. */
export function formatCut({ tile: { rows, columns, blocks }, parts }: Cut): string {
  return `${4 * blocks * rows}x${4 * blocks * columns}/${parts}`;
}

/** Undefined for what `formatCut` never returned. */
export function parseCut(text: unknown): Cut | undefined {
  const [name, count] = String(text).split('/');
  const tile = TILES.find((known) => formatCut({ tile: known, parts: 1 }) === `${name}/1`);
  const parts = Number(count);
  return tile && Number.isInteger(parts) && parts >= 1 ? { tile, parts } : undefined;
}
