// Derivation: src/ops/average-pool2d.ts
// x, dx (B, H, W, C) and y, dy (B, OH, OW, C), row-major and dense; four channels at a time.
//
// Forward, threads share the rows of y. Backward, they share the rows of dx: each pixel gathers from
// the windows that cover it, in ascending order.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { pointer } from './arguments';
import { addBlock, clearBlocks, sumOfBlocks } from './block-sum';
import { storeLanes } from './simd';
import { blockSums, shareBegin, shareEnd } from './threads';
import { B, C, endWindow, firstWindow, H, KH, KW, OH, OW, PH, PW, readWindow, SH, SW, W } from './window';

export function averagePool2dForward(args: usize): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  readWindow(args, 2);
  for (let row = shareBegin(B * OH), end = shareEnd(B * OH); row < end; row++) {
    const top = (row % OH) * SH - PH;
    const rowBegin = max(0, -top);
    const rows = min(KH, H - top) - rowBegin;
    const image = x + 4 * ((row / OH) * H + top + rowBegin) * W * C;
    for (let ow = 0; ow < OW; ow++) {
      const left = ow * SW - PW;
      const columnBegin = max(0, -left);
      const columns = min(KW, W - left) - columnBegin;
      const corner = image + 4 * (left + columnBegin) * C;
      average(y + 4 * (row * OW + ow) * C, corner, rows, columns, 4 * W * C);
    }
  }
}

export function averagePool2dBackward(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  readWindow(args, 2);
  for (let row = shareBegin(B * H), end = shareEnd(B * H); row < end; row++) {
    const h = row % H;
    const rowBegin = firstWindow(h, KH, SH, PH);
    const rows = endWindow(h, OH, SH, PH) - rowBegin;
    const image = dy + 4 * ((row / H) * OH + rowBegin) * OW * C;
    for (let w = 0; w < W; w++) {
      const columnBegin = firstWindow(w, KW, SW, PW);
      const columns = endWindow(w, OW, SW, PW) - columnBegin;
      const corner = image + 4 * columnBegin * C;
      average(dx + 4 * (row * W + w) * C, corner, rows, columns, 4 * OW * C);
    }
  }
}

/** to[c] = 1/(KH KW) Σ from[i, j, c] over `rows` rows and `columns` columns; 0 if either is ≤ 0. */
function average(to: usize, from: usize, rows: i32, columns: i32, rowBytes: i32): void {
  const channels = C;
  const area = f32x4.splat(<f32>(KH * KW));
  const isLong = rows > 0 && columns > 0 && rows * columns > TERMS_PER_BLOCK;
  for (let c = 0; c < channels; c += 4) {
    const first = from + 4 * c;
    const sum = isLong
      ? longSum(first, rows, columns, rowBytes)
      : shortSum(first, rows, columns, rowBytes);
    storeLanes(to + 4 * c, f32x4.div(sum, area), channels - c);
  }
}

// @ts-ignore: decorator
@inline function shortSum(row: usize, rows: i32, columns: i32, rowBytes: i32): v128 {
  const pixel = 4 * C;
  let sum = f32x4.splat(0);
  for (let i = 0; i < rows; i++, row += rowBytes) {
    for (let j = 0; j < columns; j++) sum = f32x4.add(sum, v128.load(row + j * pixel));
  }
  return sum;
}

/** Blocks are pieces of a row. */
function longSum(row: usize, rows: i32, columns: i32, rowBytes: i32): v128 {
  const pixel = 4 * C;
  const blocks = blockSums();
  clearBlocks(blocks, 1);
  for (let i = 0; i < rows; i++, row += rowBytes) {
    for (let j = 0; j < columns; j += TERMS_PER_BLOCK) {
      addBlock(blocks, 0, shortSum(row + j * pixel, 1, min(TERMS_PER_BLOCK, columns - j), rowBytes));
    }
  }
  return sumOfBlocks(blocks, 0);
}
