import { type Cut, cutsOf, type Product, TILES, type Tile } from './products.js';

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

  isMeasured(product: Product): boolean {
    return this.#known.has(keyOf(product));
  }

  cutOf(product: Product): Cut {
    return this.#known.get(keyOf(product)) ?? cutsOf(product, this.tiles)[0];
  }

  keep(product: Product, cut: Cut): void {
    this.#known.set(keyOf(product), cut);
  }
}

/** Products with the same key take the same time. */
export function keyOf(product: Product): string {
  const { M, N, K, G = 1, phases = 1, R = M, hasBias = false } = product;
  const { transposeA, transposeB, readsAInFours, readsBInFours } = product;
  const flags = [hasBias, transposeA, transposeB, readsAInFours, readsBInFours];
  return [M, N, K, G, phases, R, ...flags.map((flag) => Number(flag ?? false))].join(' ');
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
