import { type Gemm, splitCounts, TILES, type Tile, type Tiling, tilingsOf } from './gemm.js';

/** The tilings of one GPU's GEMMs: measured where autotuning has run, estimated otherwise. */
export class Tilings {
  /** The tiles to choose from. */
  readonly tiles: readonly Tile[];
  readonly #measured: Map<string, Tiling>;

  /** @param measured tilings by `keyOf`; `keep` adds to it */
  constructor(tiles: readonly Tile[], measured: Map<string, Tiling> = new Map()) {
    this.tiles = tiles;
    this.#measured = measured;
  }

  /** The tiling that was measured to be the fastest, if there is one. */
  measured(shader: string, gemm: Gemm): Tiling | undefined {
    const tiling = this.#measured.get(keyOf(shader, gemm));
    // The cache file is untrusted.
    return tiling && splitCounts(gemm).includes(tiling.splits) ? tiling : undefined;
  }

  tilingOf(shader: string, gemm: Gemm): Tiling {
    return this.measured(shader, gemm) ?? tilingsOf(gemm, this.tiles)[0];
  }

  keep(shader: string, gemm: Gemm, tiling: Tiling): void {
    this.#measured.set(keyOf(shader, gemm), tiling);
  }
}

/** GEMMs with the same key take the same time. */
export function keyOf(shader: string, gemm: Gemm): string {
  const { M, N, K, G = 1, phases = 1, R = M, hasBias, transposeA, transposeB, vec4A, vec4B } = gemm;
  const flags = [hasBias, transposeA, transposeB, vec4A, vec4B];
  return [shader, M, N, K, G, phases, R, ...flags.map((flag) => Number(flag ?? false))].join(' ');
}

/** `128x64/4`: tiles of 128 × 64 elements, K in 4 splits. */
export function formatTiling({ tile: { rows, columns, blocks }, splits }: Tiling): string {
  return `${4 * blocks * rows}x${4 * blocks * columns}/${splits}`;
}

/** Undefined for text that `formatTiling` cannot have returned. */
export function parseTiling(text: unknown): Tiling | undefined {
  const [name, count] = String(text).split('/');
  const tile = TILES.find((known) => formatTiling({ tile: known, splits: 1 }) === `${name}/1`);
  const splits = Number(count);
  return tile && Number.isInteger(splits) && splits >= 1 ? { tile, splits } : undefined;
}
