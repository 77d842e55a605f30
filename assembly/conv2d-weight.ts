// Derivation: src/ops/conv2d.ts
// x (B, H, W, C), dy (B, OH, OW, OC), dW (KH, KW, C/G, OC), all row-major and dense.
//
// dW = Xᵀ·dy by the tiles of assembly/gathered-tile.ts: a row of the product is a tap and a channel,
// whose numbers lie in x at equal steps along a row of output pixels. Taps that see the same output
// pixels, all others meeting only padding, form a class: assembly/window-axis.ts with taps and output
// pixels in each other's place.
//
// The sum over pixels is cut into blocks of images, or of rows of a large one, whose dy is copied to
// panels that stay in the first-level cache:
//
//   panels   [strip of 8 output channels][pixel of the block][8]
//
// Pixels are counted by image, row, column; where rows are short, by row, column, image, so that runs
// along the images are long. Threads share the tiles, counted down the strips.
import { pointer } from './arguments';
import { appendRun, NONE } from './conv2d';
import {
  B, C, dilationH, dilationW, G, H, KH, KW, OC, OH, OW, paddingH, paddingW, readSizes, strideH, strideW, W,
} from './conv2d-sizes';
import { packStraight } from './gemm-packing';
import { storeLanes } from './simd';
import { ACCUMULATE, COLUMNS, gatheredTiles, ROW, RUN, tileBegin } from './gathered-tile';
import { ownScratch, SCRATCH_BYTES, shareBegin, shareEnd } from './threads';
import { tileRows } from './tile-rows';
import { CLASS, firstPlace, firstSource, firstTap, listClasses, placeCount, tapCount } from './window-axis';

/** Output pixels of a block, unless one row has more: a panel of 24 KiB. */
const PIXELS: i32 = 768;
const TILES_PER_BLOCK: i32 = 32;
/** Rows of output up to this long are walked along the images. */
const SHORT: i32 = 4;
/** With fewer channels than this, padded images are copied with their padding. */
const FEW_CHANNELS: i32 = 6;

export function conv2dBackwardWeight(args: usize): void {
  readSizes(args, 3);
  backwardWeight(pointer(args, 0), 0, pointer(args, 1), pointer(args, 2));
}

/** conv2dBackwardWeight and conv2dBackwardBias in one, so that dy comes from memory once. */
export function conv2dBackwardWeightBias(args: usize): void {
  readSizes(args, 4);
  backwardWeight(pointer(args, 0), pointer(args, 1), pointer(args, 2), pointer(args, 3));
}

/** @param db (OC), or 0 for none */
function backwardWeight(dW: usize, db: usize, x: usize, dy: usize): void {
  const images = min(B, max(1, PIXELS / (OH * OW)));
  const height = images > 1 ? OH : min(OH, max(1, PIXELS / OW));
  // Of few channels, a tile takes rows of several taps, which must see the same pixels.
  const paddedBytes = 4 * images * (H + 2 * paddingH) * (W + 2 * paddingW) * C;
  const pads = C < FEW_CHANNELS && paddingH + paddingW > 0 && paddedBytes <= SCRATCH_BYTES / 4;
  const alongImages = OW <= SHORT && images > OW;

  const padded = ownScratch();
  const rowClasses = pads ? padded + ((paddedBytes + 63) & ~63) : padded;
  const extraH = pads ? 2 * paddingH : 0;
  const extraW = pads ? 2 * paddingW : 0;
  const columnClasses = listClasses(rowClasses, KH, OH, H + extraH, dilationH, strideH, pads ? 0 : paddingH, false);
  const runs = listClasses(columnClasses, KW, OW, W + extraW, dilationW, strideW, pads ? 0 : paddingW, false);
  const rows = runs + RUN * (alongImages ? OH * OW : images * height);
  const panels = (rows + ROW * tileRows * TILES_PER_BLOCK + 63) & ~63;
  const rowBytes = 4 * (W + extraW) * C;
  const imageBytes = (H + extraH) * rowBytes;

  const depth = C / G;
  const outputs = OC / G;
  const strips = (outputs + COLUMNS - 1) / COLUMNS;
  const tiles = countTiles(rowClasses, columnClasses, runs);
  const first = shareBegin(tiles * strips * G);
  const last = shareEnd(tiles * strips * G);
  if (first == last) return;
  const endStrip = (last + tiles - 1) / tiles;
  const stripBytes = 4 * COLUMNS * images * height * OW;
  const stripsPerBlock = max(1, <i32>(ownScratch() + SCRATCH_BYTES - panels) / stripBytes);
  const step = alongImages ? imageBytes : 4 * strideW * C;

  for (let block = first / tiles; block < endStrip; block += stripsPerBlock) {
    const endBlock = min(block + stripsPerBlock, endStrip);
    for (let n = 0; n < B; n += images) {
      const count = min(images, B - n);
      if (pads) padImages(padded, x + 4 * n * H * W * C, count);
      const source = pads ? padded : x + n * imageBytes;
      for (let top = 0; top < OH; top += height) {
        const bottom = min(top + height, OH);
        for (let strip = block; strip < endBlock; strip++) {
          const column = 4 * (strip / strips * outputs + strip % strips * COLUMNS);
          packPixels(panels + stripBytes * (strip - block), dy + column, n, count, top, bottom, alongImages);
          // Of a strip that threads share, the one that has its first tile does the bias.
          if (db && strip * tiles >= first) {
            const pixels = count * (bottom - top) * OW;
            const width = min(COLUMNS, outputs - strip % strips * COLUMNS);
            addPixels(db + column, dy + column + 4 * OC * (n * OH + top) * OW, pixels, width, n + top == 0);
          }
        }
        let passed = 0;
        for (let row = rowClasses; row < columnClasses; row += CLASS) {
          for (let column = columnClasses; column < runs; column += CLASS) {
            const size = placeCount(row) * placeCount(column) * depth;
            const classTiles = (size + tileRows - 1) / tileRows;
            const endRuns = listRuns(runs, row, column, count, top, bottom, rowBytes, imageBytes, alongImages);
            for (let tile = 0; tile < classTiles; tile += TILES_PER_BLOCK) {
              const endTiles = min(tile + TILES_PER_BLOCK, classTiles);
              const firstRow = tileBegin(tile, size, classTiles);
              let listed = false;
              for (let strip = block; strip < endBlock; strip++) {
                const begin = max(tile, first - strip * tiles - passed);
                const end = min(endTiles, last - strip * tiles - passed);
                if (begin >= end) continue;
                if (!listed) {
                  listRows(rows, dW, source, row, column, firstRow, tileBegin(endTiles, size, classTiles), rowBytes);
                  listed = true;
                }
                const group = strip / strips;
                const o = strip % strips * COLUMNS;
                const start: usize = n + top > 0 ? ACCUMULATE : 0;
                gatheredTiles(
                  begin, end, classTiles, size, rows, firstRow, runs, endRuns,
                  4 * group * depth, step, panels + stripBytes * (strip - block),
                  4 * (group * outputs + o), min(COLUMNS, outputs - o), start, NONE,
                );
              }
            }
            passed += classTiles;
          }
        }
      }
    }
  }
}

/** Tiles of all classes, for one strip. */
function countTiles(rowClasses: usize, columnClasses: usize, end: usize): i32 {
  const depth = C / G;
  let tiles = 0;
  for (let row = rowClasses; row < columnClasses; row += CLASS) {
    for (let column = columnClasses; column < end; column += CLASS) {
      tiles += (placeCount(row) * placeCount(column) * depth + tileRows - 1) / tileRows;
    }
  }
  return tiles;
}

/** Copies eight channels of dy at the block's pixels: `count` images from n on, rows [top, bottom). */
function packPixels(panel: usize, dy: usize, n: i32, count: i32, top: i32, bottom: i32, alongImages: bool): void {
  const pixel = 4 * OC;
  const at = dy + (n * OH + top) * OW * pixel;
  if (!alongImages) return packStraight(panel, at, pixel, count * (bottom - top) * OW);
  for (let p = 0; p < OH * OW; p++) {
    packStraight(panel + 4 * COLUMNS * p * count, at + p * pixel, OH * OW * pixel, count);
  }
}

/** db ← db + the sum of so many pixels, in ascending order; from zero, to begin with. */
function addPixels(db: usize, dy: usize, pixels: i32, width: i32, begins: bool): void {
  let low = begins ? f32x4.splat(0) : v128.load(db);
  let high = begins ? f32x4.splat(0) : v128.load(db, 16);
  for (const end = dy + 4 * OC * pixels; dy < end; dy += 4 * OC) {
    low = f32x4.add(low, v128.load(dy));
    high = f32x4.add(high, v128.load(dy, 16));
  }
  storeLanes(db, low, width);
  if (width > 4) storeLanes(db + 16, high, width - 4);
}

/** Lists the output pixels that a class's taps see, as distances in x and rows of the panel. */
function listRuns(
  runs: usize, row: usize, column: usize, count: i32, top: i32, bottom: i32,
  rowBytes: i32, imageBytes: i32, alongImages: bool,
): usize {
  const firstRow = firstTap(row);
  const firstColumn = firstTap(column);
  const columns = tapCount(column);
  const begin = max(top, firstRow);
  const end = min(bottom, firstRow + tapCount(row));
  const step = 4 * strideW * C;
  let run = runs;
  if (columns == 0) return run;
  if (alongImages) {
    for (let i = begin; i < end; i++) {
      for (let j = 0; j < columns; j++) {
        const offset = (i - firstRow) * strideH * rowBytes + j * step;
        run = appendRun(runs, run, offset, (i * OW + firstColumn + j) * count, count, imageBytes);
      }
    }
    return run;
  }
  for (let n = 0; n < count; n++) {
    for (let i = begin; i < end; i++) {
      const offset = n * imageBytes + (i - firstRow) * strideH * rowBytes;
      const k = (n * (bottom - top) + i - top) * OW + firstColumn;
      run = appendRun(runs, run, offset, k, columns, step);
    }
  }
  return run;
}

/** Lists where rows [begin, end) of a class read and write; rows are counted by tap, then channel. */
function listRows(
  list: usize, dW: usize, x: usize, row: usize, column: usize,
  begin: i32, end: i32, rowBytes: i32,
): void {
  const depth = C / G;
  const columns = placeCount(column);
  for (let at = begin; at < end; at++, list += ROW) {
    const c = at % depth;
    const l = at / depth % columns;
    const k = at / depth / columns;
    const h = firstSource(row) + k * dilationH;
    const w = firstSource(column) + l * dilationW;
    const tap = (firstPlace(row) + k) * KW + firstPlace(column) + l;
    store<u32>(list, <u32>(x + h * rowBytes + 4 * (w * C + c)));
    store<u32>(list, <u32>(dW + 4 * (tap * depth + c) * OC), 4);
  }
}

/** Copies images into the middle of zeros. */
function padImages(to: usize, x: usize, count: i32): void {
  const rowBytes = 4 * W * C;
  const paddedRow = rowBytes + 8 * paddingW * C;
  memory.fill(to, 0, count * (H + 2 * paddingH) * paddedRow);
  for (let n = 0; n < count; n++) {
    to += paddingH * paddedRow;
    for (let h = 0; h < H; h++, to += paddedRow, x += rowBytes) {
      memory.copy(to + 4 * paddingW * C, x, rowBytes);
    }
    to += paddingH * paddedRow;
  }
}
