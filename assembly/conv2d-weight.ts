// Derivation: src/ops/conv2d.ts
// x (B, H, W, C), dy (B, OH, OW, OC), dW (KH, KW, C/G, OC), all row-major and dense.
//
// dW = Xᵀ·dy by implicit GEMM, with the micro-kernel of gathered-tile.ts. A row of the product is one
// tap and one channel; along a row of output pixels, its elements are at equal distances in x. Taps
// that read x at the same output pixels form a class (at other pixels, they read padding): these are
// the classes of window-axis.ts with the roles of taps and output pixels exchanged.
//
// The sum over pixels is divided into blocks of images, rows of a large image, or pieces of a long
// row. The dy of a block is packed in panels that stay in the first-level cache:
//
//   panels   [strip of 8 output channels][pixel of the block][8]
//
// Pixels are counted by image, row, column; or, where rows are short, by row, column, image, so that
// runs along the images are long. Threads share the tiles, counted down the strips.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { pointer } from './arguments';
import { keepErrors } from './block-sum';
import {
  B, C, DH, DW, G, H, KH, KW, OC, OH, OW, PH, PW, readSizes, SH, SW, W,
} from './conv2d-sizes';
import { COLUMNS, packStraight } from './gemm-packing';
import { NO_CLAMP } from './simd';
import { ACCUMULATE, gatheredTiles, ROW, tileBegin } from './gathered-tile';
import { padImages } from './padding';
import { addPixels, PIXEL_SUMS, storePixelSums } from './pixel-sums';
import { appendRun, beginRuns, endRuns, runBytes } from './runs';
import { ownScratch, shareBegin, shareEnd } from './threads';
import { tileRows } from './tile-rows';
import { CLASS, firstPlace, firstSource, firstTap, listClasses, placeCount, tapCount } from './window-axis';

/** Output pixels of a block: a panel of 24 KiB. */
const PIXELS: i32 = 768;
const TILES_PER_BLOCK: i32 = 32;
/** Runs go along the images where rows of output have at most this many pixels. */
const SHORT: i32 = 4;
/** Images with fewer channels than this are copied with their padding. */
const FEW_CHANNELS: i32 = 6;

// State of the current call. Each thread has its own copy.

/** Input and output channels of a group, and strips of the output channels. */
let depth: i32 = 0;
let outputs: i32 = 0;
let strips: i32 = 0;
/** Tiles of a strip; and this thread's tiles [first, last), counted through all strips. */
let tiles: i32 = 0;
let first: i32 = 0;
let last: i32 = 0;
/** The images that taps read; bytes of a row, of an image, and from one k to the next. */
let source: usize = 0;
let rowBytes: i32 = 0;
let imageBytes: i32 = 0;
let step: i32 = 0;
let alongImages: bool = false;
/** Tables in scratch memory; each ends where the next one begins. */
let rowClasses: usize = 0;
let columnClasses: usize = 0;
let runs: usize = 0;
let rows: usize = 0;
let biasSums: usize = 0;
let panels: usize = 0;
let stripBytes: i32 = 0;
/** The block: images [n, n + count), rows [top, bottom) of output, and their columns [left, right). */
let n: i32 = 0;
let count: i32 = 0;
let top: i32 = 0;
let bottom: i32 = 0;
let left: i32 = 0;
let right: i32 = 0;

export function conv2dBackwardWeight(args: usize): void {
  readSizes(args, 3);
  const dW = pointer(args, 0);
  const x = pointer(args, 1);
  const dy = pointer(args, 2);
  backwardWeight(dW, 0, x, dy);
}

/** conv2dBackwardWeight and conv2dBackwardBias in one pass over dy. */
export function conv2dBackwardWeightBias(args: usize): void {
  readSizes(args, 4);
  const dW = pointer(args, 0);
  const db = pointer(args, 1);
  const x = pointer(args, 2);
  const dy = pointer(args, 3);
  backwardWeight(dW, db, x, dy);
}

/** @param db (OC), or 0 for none */
function backwardWeight(dW: usize, db: usize, x: usize, dy: usize): void {
  const images = min(B, max(1, PIXELS / (OH * OW)));
  const height = images > 1 ? OH : min(OH, max(1, PIXELS / OW));
  const width = min(OW, PIXELS);
  keepErrors(dW);
  const padded = ownScratch();
  const paddedBytes = prepare(padded, images, height, width);
  if (first == last) return;
  const endStrip = (last + tiles - 1) / tiles;
  const stripsPerBlock = <i32>(padded + SCRATCH_BYTES - panels) / stripBytes;
  for (let strip = first / tiles; strip < endStrip; strip += stripsPerBlock) {
    const endBlock = min(strip + stripsPerBlock, endStrip);
    memory.fill(biasSums + PIXEL_SUMS * strip, 0, PIXEL_SUMS * (endBlock - strip));
    for (n = 0; n < B; n += images) {
      count = min(images, B - n);
      source = paddedBytes > 0 ? padded : x + n * imageBytes;
      if (paddedBytes > 0) padImages(padded, x + 4 * n * H * W * C, count);
      for (top = 0; top < OH; top += height) {
        bottom = min(top + height, OH);
        for (left = 0; left < OW; left += width) {
          right = min(left + width, OW);
          packStrips(dy, db != 0, strip, endBlock);
          multiplyStrips(dW, strip, endBlock);
        }
      }
    }
    if (db) storeBias(db, strip, endBlock);
  }
}

/**
 * Lays out scratch memory for blocks of these sizes, and lists the classes.
 *
 * @returns bytes for padded images at the beginning of scratch memory; 0 if images are not copied
 */
function prepare(scratch: usize, images: i32, height: i32, width: i32): i32 {
  depth = C / G;
  outputs = OC / G;
  strips = (outputs + COLUMNS - 1) / COLUMNS;
  // With few channels, a tile spans several taps, which must read the same pixels.
  const bytes = <i64>4 * images * (H + 2 * PH) * (W + 2 * PW) * C;
  const pads = C < FEW_CHANNELS && PH + PW > 0 && bytes <= SCRATCH_BYTES / 4;
  const paddedBytes = pads ? <i32>bytes : 0;
  const extraH = pads ? 2 * PH : 0;
  const extraW = pads ? 2 * PW : 0;
  rowBytes = 4 * (W + extraW) * C;
  imageBytes = (H + extraH) * rowBytes;
  alongImages = OW <= SHORT && images > OW;
  step = alongImages ? imageBytes : 4 * SW * C;

  rowClasses = (scratch + paddedBytes + 63) & ~63;
  columnClasses = listClasses(rowClasses, KH, OH, H + extraH, DH, SH, PH - extraH / 2, false);
  runs = listClasses(columnClasses, KW, OW, W + extraW, DW, SW, PW - extraW / 2, false);
  rows = runs + (alongImages ? runBytes(OH * OW, images) : runBytes(images * height, width));
  biasSums = (rows + ROW * tileRows * TILES_PER_BLOCK + 63) & ~63;
  panels = (biasSums + PIXEL_SUMS * strips * G + 63) & ~63;
  stripBytes = 4 * COLUMNS * images * height * width;

  tiles = countTiles();
  first = shareBegin(tiles * strips * G);
  last = shareEnd(tiles * strips * G);
  return paddedBytes;
}

/** Tiles of all classes, for one strip. */
function countTiles(): i32 {
  let sum = 0;
  for (let row = rowClasses; row < columnClasses; row += CLASS) {
    for (let column = columnClasses; column < runs; column += CLASS) {
      sum += (placeCount(row) * placeCount(column) * depth + tileRows - 1) / tileRows;
    }
  }
  return sum;
}

/** Packs dy at the block's pixels for strips [strip, end), and adds it to the sums of db. */
function packStrips(dy: usize, sumsBias: bool, strip: i32, end: i32): void {
  const pixel = 4 * OC;
  const pixels = count * (bottom - top) * (right - left);
  const firstPixel = dy + ((n * OH + top) * OW + left) * pixel;
  for (let panel = panels; strip < end; strip++, panel += stripBytes) {
    const oc = strip / strips * outputs + strip % strips * COLUMNS;
    const at = firstPixel + 4 * oc;
    if (alongImages) {
      for (let p = 0; p < OH * OW; p++) {
        packStraight(panel + 4 * COLUMNS * p * count, at + p * pixel, OH * OW * pixel, count);
      }
    } else {
      packStraight(panel, at, pixel, pixels);
    }
    // Where threads share a strip, the thread with its first tile computes db.
    if (sumsBias && strip * tiles >= first) {
      addPixels(biasSums + PIXEL_SUMS * strip, at, pixel, (n * OH + top) * OW + left, pixels);
    };
  }
}

/** Stores db of strips [strip, end). */
function storeBias(db: usize, strip: i32, end: i32): void {
  for (; strip < end; strip++) {
    if (strip * tiles < first) continue;
    const channel = strip % strips * COLUMNS;
    const to = db + 4 * (strip / strips * outputs + channel);
    storePixelSums(to, biasSums + PIXEL_SUMS * strip, outputs - channel);
  }
}

/** Adds the GEMM of the block to dW, for strips [strip, end). */
function multiplyStrips(dW: usize, strip: i32, end: i32): void {
  let tilesBefore = 0;
  for (let row = rowClasses; row < columnClasses; row += CLASS) {
    for (let column = columnClasses; column < runs; column += CLASS) {
      tilesBefore += multiplyClass(dW, row, column, strip, end, tilesBefore);
    }
  }
}

/** One class of taps; returns its number of tiles. Earlier classes have `tilesBefore` tiles. */
function multiplyClass(dW: usize, row: usize, column: usize, strip: i32, end: i32, tilesBefore: i32): i32 {
  const size = placeCount(row) * placeCount(column) * depth;
  const classTiles = (size + tileRows - 1) / tileRows;
  const lastRun = listRuns(row, column);
  for (let tile = 0; tile < classTiles; tile += TILES_PER_BLOCK) {
    const endTiles = min(tile + TILES_PER_BLOCK, classTiles);
    const firstRow = tileBegin(tile, size, classTiles);
    let listed = false;
    for (let s = strip; s < end; s++) {
      const begin = max(tile, first - s * tiles - tilesBefore);
      const stop = min(endTiles, last - s * tiles - tilesBefore);
      if (begin >= stop) continue;
      if (!listed) listRows(dW, row, column, firstRow, tileBegin(endTiles, size, classTiles));
      listed = true;
      const channel = s % strips * COLUMNS;
      gatheredTiles(
        begin, stop, classTiles, size, rows, firstRow, runs, lastRun,
        4 * (s / strips) * depth, step, panels + stripBytes * (s - strip),
        4 * (s / strips * outputs + channel), min(COLUMNS, outputs - channel), n + top + left > 0 ? ACCUMULATE : 0, NO_CLAMP,
      );
    }
  }
  return classTiles;
}

/** Lists the block's output pixels at which a class's taps read x, as offsets in x and rows of the panel. */
function listRuns(row: usize, column: usize): usize {
  // In these classes, taps are the places, and output pixels are the taps.
  const firstRow = firstTap(row);
  const firstColumn = firstTap(column);
  const begin = max(top, firstRow);
  const end = min(bottom, firstRow + tapCount(row));
  const beginColumn = max(left, firstColumn);
  const columns = min(right, firstColumn + tapCount(column)) - beginColumn;
  const pixelBytes = 4 * SW * C;
  beginRuns(runs, step);
  if (columns <= 0) return endRuns();
  if (alongImages) {
    for (let i = begin; i < end; i++) {
      for (let j = 0; j < columns; j++) {
        const offset = (i - firstRow) * SH * rowBytes + j * pixelBytes;
        appendRun(offset, (i * OW + firstColumn + j) * count, count);
      }
    }
    return endRuns();
  }
  const across = right - left;
  for (let image = 0; image < count; image++) {
    for (let i = begin; i < end; i++) {
      const offset = image * imageBytes + (i - firstRow) * SH * rowBytes + (beginColumn - firstColumn) * pixelBytes;
      const k = (image * (bottom - top) + i - top) * across + beginColumn - left;
      appendRun(offset, k, columns);
    }
  }
  return endRuns();
}

/** Lists the addresses that rows [begin, end) of a class read and write; rows are counted by tap, then channel. */
function listRows(dW: usize, row: usize, column: usize, begin: i32, end: i32): void {
  const columns = placeCount(column);
  let entry = rows;
  for (let at = begin; at < end; at++, entry += ROW) {
    const c = at % depth;
    const j = at / depth % columns;
    const i = at / depth / columns;
    const h = firstSource(row) + i * DH;
    const w = firstSource(column) + j * DW;
    const tap = (firstPlace(row) + i) * KW + firstPlace(column) + j;
    store<u32>(entry, <u32>(source + h * rowBytes + 4 * (w * C + c)));
    store<u32>(entry, <u32>(dW + 4 * (tap * depth + c) * OC), 4);
  }
}
