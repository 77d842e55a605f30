// Derivation: src/ops/conv2d.ts
// x, dx (B, H, W, C), y, dy (B, OH, OW, OC), W (KH, KW, C/G, OC), all row-major and dense.
//
// Implicit GEMM. Forward and the gradient of the input are the same GEMM: each pixel of a result is
// a sum, over taps and channels, of pixels of a source times weights. im2col would store every pixel
// KH·KW times; here the micro-kernel of gathered-tile.ts reads A straight from the images, and
// window-axis.ts computes for each axis which pixels it reads. Only the weights are packed, in panels
// of eight columns that a tile reads sequentially:
//
//   panels   [strip of 8 result channels][tap][source channel][8]
//
// Taps are in the order in which the source is read. The taps of one row of a window, whose channels
// are adjacent in source and panel, are therefore one run.
//
// Threads share the tiles, counted down the strips.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { pointer } from './arguments';
import { B, C, DH, DW, G, H, KH, KW, OC, OH, OW, PH, PW, readSizes, SH, SW, W } from './conv2d-sizes';
import { COLUMNS, packStraight, packTransposed } from './gemm-packing';
import { keepErrors } from './block-sum';
import { ACCUMULATE, gatheredTiles, ROW, tileBegin } from './gathered-tile';
import { linearBackwardBias } from './linear';
import { appendRun, beginRuns, endRuns, runBytes } from './runs';
import { NO_CLAMP } from './simd';
import { ownScratch, shareBegin, shareEnd } from './threads';
import { tileRows } from './tile-rows';
import {
  CLASS, firstPlace, firstSource, firstTap, listClasses, placeCount, placeStep, tapCount, tapStep,
} from './window-axis';

/** Tiles whose rows are listed together: what they read stays in the second-level cache. */
const TILES_PER_BLOCK: i32 = 32;
/**
 * Most rows of a panel: 64 KiB, and 32 blocks of TERMS_PER_BLOCK. Longer sums are split into ranges of
 * channels. The ranges do not depend on the free scratch memory, so neither do the bits.
 */
const MAX_PANEL_ROWS: i32 = 2048;

export function conv2dForward(args: usize): void {
  readSizes(args, 3);
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const W = pointer(args, 2);
  convolve(y, x, W, 0, NO_CLAMP, false);
}

export function conv2dBiasForward(args: usize): void {
  readSizes(args, 4);
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const W = pointer(args, 2);
  const b = pointer(args, 3);
  convolve(y, x, W, b, NO_CLAMP, false);
}

/** conv2dBiasForward with ReLU as its epilogue. */
export function conv2dBiasReluForward(args: usize): void {
  readSizes(args, 4);
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const W = pointer(args, 2);
  const b = pointer(args, 3);
  convolve(y, x, W, b, 0, false);
}

export function conv2dBackwardInput(args: usize): void {
  readSizes(args, 3);
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const W = pointer(args, 2);
  convolve(dx, dy, W, 0, NO_CLAMP, true);
}

export function conv2dBackwardBias(args: usize): void {
  linearBackwardBias(args);
}

/** This thread's share of a call. */
function convolve(to: usize, from: usize, weight: usize, bias: usize, clampMin: f32, transposed: bool): void {
  keepErrors(to);
  const scratch = ownScratch();
  convolvePart(to, from, weight, bias, clampMin, transposed, B, true, scratch, scratch + SCRATCH_BYTES);
}

/**
 * The convolution that conv2d-sizes.ts describes, of the first `images` images: an implicit GEMM with
 * this loop nest:
 *
 *   block          strips of COLUMNS output channels whose packed weights fit into scratch memory
 *   c              input channels, at most MAX_PANEL_ROWS / (KH KW) at a time
 *     pack the weights of the block's strips, a panel for each
 *   row, column    classes of output pixels that read the same taps inside the image: window-axis.ts
 *   top            tiles of tileRows pixels of a class, TILES_PER_BLOCK at a time
 *   strip          list the rows' addresses once; micro-kernel on each tile: gathered-tile.ts
 *
 * Classes skip zeros of the padding and, in dx, taps that lead to no pixel (the shader's phases).
 *
 * @param to y, or dx if `transposed`
 * @param from x, or dy if `transposed`
 * @param bias (OC), or 0 for none
 * @param clampMin lower bound of the results: 0 for ReLU, NO_CLAMP for none
 * @param transposed computes dx from dy instead of y from x
 * @param partitioned whether threads share the tiles
 * @param scratch memory to work in, up to `end`
 */
export function convolvePart(
  to: usize, from: usize, weight: usize, bias: usize, clampMin: f32, transposed: bool,
  images: i32, partitioned: bool, scratch: usize, end: usize,
): void {
  const rowClasses = scratch;
  const columnClasses = transposed
    ? listClasses(rowClasses, H, KH, OH, SH, DH, PH, true)
    : listClasses(rowClasses, OH, KH, H, SH, DH, PH, false);
  const runs = transposed
    ? listClasses(columnClasses, W, KW, OW, SW, DW, PW, true)
    : listClasses(columnClasses, OW, KW, W, SW, DW, PW, false);
  const outputs = (transposed ? C : OC) / G;
  const depth = (transposed ? OC : C) / G;
  const fromChannels = depth * G;
  const channels = min(depth, max(1, MAX_PANEL_ROWS / (KH * KW)));
  const rows = runs + runBytes(KH * KW, channels);
  const panels = (rows + ROW * tileRows * TILES_PER_BLOCK + 63) & ~63;

  const strips = (outputs + COLUMNS - 1) / COLUMNS;
  const tiles = countTiles(rowClasses, columnClasses, runs, images);
  const first = partitioned ? shareBegin(tiles * strips * G) : 0;
  const last = partitioned ? shareEnd(tiles * strips * G) : tiles * strips * G;
  if (first == last) return;
  const endStrip = (last + tiles - 1) / tiles;

  const stripBytes = 4 * COLUMNS * KH * KW * channels;
  const stripsPerBlock = <i32>(end - panels) / stripBytes;

  for (let block = first / tiles; block < endStrip; block += stripsPerBlock) {
    const endBlock = min(block + stripsPerBlock, endStrip);
    for (let c = 0; c < depth; c += channels) {
      const count = min(channels, depth - c);
      for (let strip = block; strip < endBlock; strip++) {
        const panel = panels + stripBytes * (strip - block);
        packPanel(panel, weight, rowClasses, columnClasses, runs, strip, strips, c, count, channels, transposed);
      }
      let tilesBefore = 0;
      for (let row = rowClasses; row < columnClasses; row += CLASS) {
        for (let column = columnClasses; column < runs; column += CLASS) {
          const size = images * placeCount(row) * placeCount(column);
          const classTiles = (size + tileRows - 1) / tileRows;
          const lastRun = listRuns(runs, row, column, count, channels, fromChannels, transposed);
          for (let top = 0; top < classTiles; top += TILES_PER_BLOCK) {
            const bottom = min(top + TILES_PER_BLOCK, classTiles);
            const firstRow = tileBegin(top, size, classTiles);
            let listed = false;
            for (let strip = block; strip < endBlock; strip++) {
              const begin = max(top, first - strip * tiles - tilesBefore);
              const end = min(bottom, last - strip * tiles - tilesBefore);
              if (begin >= end) continue;
              if (!listed) {
                listRows(rows, to, from, row, column, firstRow, tileBegin(bottom, size, classTiles), transposed);
                listed = true;
              }
              const group = strip / strips;
              const channel = strip % strips * COLUMNS;
              const toColumn = 4 * (group * outputs + channel);
              const start: usize = c > 0 ? ACCUMULATE : bias ? bias + toColumn : 0;
              gatheredTiles(
                begin, end, classTiles, size, rows, firstRow, runs, lastRun,
                4 * (group * depth + c), 4, panels + stripBytes * (strip - block),
                toColumn, min(COLUMNS, outputs - channel), start, c + count < depth ? NO_CLAMP : clampMin,
              );
            }
          }
          tilesBefore += classTiles;
        }
      }
    }
  }
}

/** Tiles of all classes, for one strip. */
function countTiles(rowClasses: usize, columnClasses: usize, end: usize, images: i32): i32 {
  let tiles = 0;
  for (let row = rowClasses; row < columnClasses; row += CLASS) {
    for (let column = columnClasses; column < end; column += CLASS) {
      tiles += (images * placeCount(row) * placeCount(column) + tileRows - 1) / tileRows;
    }
  }
  return tiles;
}

/** Packs the weights of one strip: the taps that any class uses, and source channels [c, c + count). */
function packPanel(
  panel: usize, weight: usize, rowClasses: usize, columnClasses: usize, endClasses: usize,
  strip: i32, strips: i32, c: i32, count: i32, channels: i32, transposed: bool,
): void {
  const outputs = (transposed ? C : OC) / G;
  const depth = (transposed ? OC : C) / G;
  const group = strip / strips;
  const channel = strip % strips * COLUMNS;
  for (let kh = 0; kh < KH; kh++) {
    if (!isUsed(kh, rowClasses, columnClasses)) continue;
    for (let kw = 0; kw < KW; kw++) {
      if (!isUsed(kw, columnClasses, endClasses)) continue;
      const tap = kh * KW + kw;
      const to = panel + 4 * COLUMNS * channels * panelTap(tap, transposed);
      if (transposed) {
        const at = weight + 4 * ((tap * outputs + channel) * OC + group * depth + c);
        packTransposed(to, at, 4 * OC, count, min(COLUMNS, outputs - channel));
      } else {
        const at = weight + 4 * ((tap * depth + c) * OC + group * outputs + channel);
        packStraight(to, at, 4 * OC, count);
      }
    }
  }
}

/** The number of a tap in a panel. */
// @ts-ignore: decorator
@inline function panelTap(tap: i32, transposed: bool): i32 {
  return transposed ? KH * KW - 1 - tap : tap;
}

function isUsed(tap: i32, classes: usize, end: usize): bool {
  for (; classes < end; classes += CLASS) {
    const steps = (tap - firstTap(classes)) / tapStep(classes);
    if (steps >= 0 && steps < tapCount(classes) && firstTap(classes) + steps * tapStep(classes) == tap) return true;
  }
  return false;
}

/** Lists the runs that each row of a class reads, relative to its first pixel; returns the end of the list. */
function listRuns(
  runs: usize, row: usize, column: usize,
  count: i32, channels: i32, fromChannels: i32, transposed: bool,
): usize {
  const rowAdvance = transposed ? -DH * tapStep(row) / SH : DH * tapStep(row);
  const columnAdvance = transposed ? -DW * tapStep(column) / SW : DW * tapStep(column);
  const fromWidth = transposed ? OW : W;
  beginRuns(runs, 4);
  for (let i = 0; i < tapCount(row); i++) {
    for (let j = 0; j < tapCount(column); j++) {
      const kh = firstTap(row) + i * tapStep(row);
      const tap = kh * KW + firstTap(column) + j * tapStep(column);
      const offset = 4 * fromChannels * (i * rowAdvance * fromWidth + j * columnAdvance);
      appendRun(offset, channels * panelTap(tap, transposed), count);
    }
  }
  return endRuns();
}

/** Lists the addresses that rows [begin, end) of a class read and write; rows are counted by image, row, column. */
function listRows(
  list: usize, to: usize, from: usize, row: usize, column: usize,
  begin: i32, end: i32, transposed: bool,
): void {
  const toPixel = 4 * (transposed ? C : OC);
  const fromPixel = 4 * (transposed ? OC : C);
  const toWidth = transposed ? W : OW;
  const fromWidth = transposed ? OW : W;
  const toHeight = transposed ? H : OH;
  const fromHeight = transposed ? OH : H;
  const rowAdvance = transposed ? 1 : SH;
  const fromAdvance = fromPixel * (transposed ? 1 : SW);
  const toAdvance = toPixel * placeStep(column);
  const columns = placeCount(column);
  let j = begin % columns;
  let i = begin / columns % placeCount(row);
  let n = begin / columns / placeCount(row);
  let at = begin;
  while (at < end) {
    const toRow = n * toHeight + firstPlace(row) + i * placeStep(row);
    const fromRow = n * fromHeight + firstSource(row) + i * rowAdvance;
    let result = to + toPixel * (toRow * toWidth + firstPlace(column)) + toAdvance * j;
    let source = from + fromPixel * (fromRow * fromWidth + firstSource(column)) + fromAdvance * j;
    const stop = min(end, at + columns - j);
    for (; at < stop; at++, list += ROW) {
      store<u32>(list, <u32>source);
      store<u32>(list, <u32>result, 4);
      source += fromAdvance;
      result += toAdvance;
    }
    j = 0;
    i++;
    if (i == placeCount(row)) {
      i = 0;
      n++;
    }
  }
}
