// Derivation: src/ops/matmul.ts
//
//   C (M, N) = max(A·B + bias, clampMin)
//
// C is divided into strips of 8 columns, and strips into tiles of 6 (or 4) rows: gemm-tile.ts has the
// micro-kernels that compute a tile.
//
// A is read in place through two strides, so A and Aᵀ cost the same; B is read in place where its rows
// are stored along n. For large matrices, and where B is transposed, A and B are first packed: copied
// block by block into scratch memory, in the order in which the micro-kernels read them.
//
//   packed B   [strip][k][8]       as many strips as fit
//   packed A   [tile][k][rows]     a block of tiles, which stays in the second-level cache while all
//                                  strips pass
//
// Edges: the last rows are computed in tiles of 4, 2 and 1. In the last strip, vectors extend beyond
// the row's end (tensors are padded: PADDING in src/backends/wasm/constants.ts), and only the valid
// lanes are stored.
//
// Threads share the tiles, counted down the strips.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { keepErrors } from './block-sum';
import { COLUMNS, packColumns, packRows, packStraight, packTransposed } from './gemm-packing';
import { pairsStrips, stripPair } from './gemm-pairs';
import { columnStrip, lastRows, rowStrip } from './gemm-tile';
import { gemv } from './gemv';
import { NO_CLAMP } from './simd';
import { ownScratch, shareBegin, shareEnd } from './threads';
import { tileRows } from './tile-rows';

const TILES_PER_BLOCK: i32 = 32;
const K_BLOCK: i32 = 512;
/** The same where A and B are not packed: 32 blocks of TERMS_PER_BLOCK. */
const UNPACKED_K_BLOCK: i32 = 2048;
/** Up to this K, a strip of B leaves room for A in the first-level cache. */
const MAX_UNBLOCKED_K: i32 = 1024;
/** Packing A pays from this many columns of C on. */
const MIN_PACKED_COLUMNS: i32 = 256;
/** Packing pays from this many rows of C on, and for B from this many elements on. */
const MIN_PACKED_ROWS: i32 = 48;
const MIN_PACKED_ELEMENTS: i32 = 8192;

/** Scratch memory for packed A: 32 tiles of 6 rows, 512 deep; and the rest of it, for packed B. */
const PACKED_A_BYTES: i32 = 4 * 6 * TILES_PER_BLOCK * K_BLOCK;
const PACKED_B_BYTES: i32 = SCRATCH_BYTES - PACKED_A_BYTES;

const ZEROS = memory.data(64, 16);

/**
 * This thread's tiles of C.
 *
 * @param c,a,b row-major and dense, C (M, N), A (M, K), B (K, N)
 * @param bias (N), or 0 for none
 * @param transposeA A is stored (K, M)
 * @param transposeB B is stored (N, K)
 * @param clampMin lower bound of the results: 0 for ReLU, NO_CLAMP for none
 */
export function gemm(
  c: usize, a: usize, b: usize, bias: usize,
  M: i32, N: i32, K: i32,
  transposeA: bool, transposeB: bool, clampMin: f32,
): void {
  if (N == 1 && !transposeA) return gemv(c, a, b, bias, M, K, clampMin);
  if (N == 1 && bias == 0) return gemm(c, b, a, 0, 1, M, K, false, false, clampMin);
  const tiles = (M + tileRows - 1) / tileRows;
  const strips = (N + COLUMNS - 1) / COLUMNS;
  const first = shareBegin(tiles * strips);
  const last = shareEnd(tiles * strips);
  if (first == last) return;
  const packA = N >= MIN_PACKED_COLUMNS && M >= MIN_PACKED_ROWS;
  const packB = transposeB || (M >= MIN_PACKED_ROWS && K * N >= MIN_PACKED_ELEMENTS);
  const kBlock = packA || (packB && K > MAX_UNBLOCKED_K) ? K_BLOCK : UNPACKED_K_BLOCK;
  keepErrors(c);
  const packedA = ownScratch();
  const packedB = packedA + PACKED_A_BYTES;
  const endStrip = (last + tiles - 1) / tiles;
  for (let k = 0; k < K; k += kBlock) {
    const depth = min(kBlock, K - k);
    const stripsPerBlock = packB ? PACKED_B_BYTES / (4 * COLUMNS * depth) : strips;
    for (let block = first / tiles; block < endStrip; block += stripsPerBlock) {
      const endBlock = min(block + stripsPerBlock, endStrip);
      if (packB) packStrips(packedB, b, N, K, k, depth, block, endBlock, transposeB);
      for (let top = 0; top < tiles; top += TILES_PER_BLOCK) {
        const bottom = min(top + TILES_PER_BLOCK, tiles);
        if (packA) packTiles(packedA, a, M, K, k, depth, top, bottom, transposeA);
        for (let strip = block; strip < endBlock; strip++) {
          const begin = max(top, first - strip * tiles);
          const end = min(bottom, last - strip * tiles);
          if (begin >= end) continue;
          const row = tileRows * begin;
          const rows = min(tileRows * end, M) - row;
          const width = min(COLUMNS, N - strip * COLUMNS);
          const stripB = packB ? packedB + 4 * COLUMNS * (strip - block) * depth : b + 4 * (k * N + strip * COLUMNS);
          const bStride = packB ? 4 * COLUMNS : 4 * N;
          const tileC = c + 4 * (row * N + strip * COLUMNS);
          // The first block of k is added to the bias, later ones to the sums so far.
          const init = k > 0 ? tileC : bias ? bias + 4 * strip * COLUMNS : ZEROS;
          const initStride = k > 0 ? 4 * N : 0;
          const lowerBound: f32 = k + depth < K ? NO_CLAMP : clampMin;
          if (packA) {
            const tilesA = packedA + 4 * tileRows * (begin - top) * depth;
            const isWhole = begin == top && end == bottom && last >= (strip + 1) * tiles + bottom;
            if (pairsStrips && packB && isWhole && strip + 1 < endBlock && N >= COLUMNS * (strip + 2)) {
              const nextB = stripB + 4 * COLUMNS * depth;
              stripPair(tileC, 4 * N, init, initStride, tilesA, stripB, nextB, rows / 6, depth, lowerBound);
              const done = rows - rows % 6;
              const cBelow = tileC + 4 * done * N;
              const initBelow = init + done * initStride;
              const aBelow = tilesA + 4 * done * depth;
              const rest = rows - done;
              lastRows(
                rest, cBelow, 4 * N, initBelow, initStride,
                aBelow, 4, 24, stripB, bStride, depth, COLUMNS, lowerBound,
              );
              lastRows(
                rest, cBelow + 32, 4 * N, initBelow + 32, initStride,
                aBelow, 4, 24, nextB, bStride, depth, COLUMNS, lowerBound,
              );
              strip++;
              continue;
            }
            columnStrip(
              tileC, 4 * N, init, initStride,
              tilesA, 4 * depth, 4 * tileRows, stripB, bStride, rows, depth, width, lowerBound,
            );
          } else if (transposeA) {
            columnStrip(
              tileC, 4 * N, init, initStride,
              a + 4 * (k * M + row), 4, 4 * M, stripB, bStride, rows, depth, width, lowerBound,
            );
          } else {
            rowStrip(
              tileC, 4 * N, init, initStride,
              a + 4 * (row * K + k), 4 * K, stripB, bStride, rows, depth, width, lowerBound,
            );
          }
        }
      }
    }
  }
}

/** Packs strips [strip, endStrip) of rows [k, k + depth) of B. */
function packStrips(
  packed: usize, b: usize, N: i32, K: i32, k: i32, depth: i32,
  strip: i32, endStrip: i32, transposeB: bool,
): void {
  for (; strip < endStrip; strip++) {
    const n = strip * COLUMNS;
    if (transposeB) packTransposed(packed, b + 4 * (n * K + k), 4 * K, depth, min(COLUMNS, N - n));
    else packStraight(packed, b + 4 * (k * N + n), 4 * N, depth);
    packed += 4 * COLUMNS * depth;
  }
}

/** Packs tiles [tile, endTile) of columns [k, k + depth) of A. */
function packTiles(
  packed: usize, a: usize, M: i32, K: i32, k: i32, depth: i32,
  tile: i32, endTile: i32, transposeA: bool,
): void {
  for (; tile < endTile; tile++) {
    const m = tile * tileRows;
    const rows = min(tileRows, M - m);
    if (transposeA) packColumns(packed, a + 4 * (k * M + m), 4 * M, depth, 4 * tileRows);
    else packRows(packed, a + 4 * (m * K + k), 4 * K, depth, rows, 4 * tileRows);
    packed += 4 * tileRows * depth;
  }
}
