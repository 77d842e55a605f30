// Derivation: src/ops/max-pool2d.ts
// x, dx (B, H, W, C) and y, dy (B, OH, OW, C) float32, index (B, OH, OW, C) bytes; row-major, dense.
//
// Four channels at a time. Forward, threads share the rows of y. Backward, they share the rows of
// dx: each pixel gathers from the windows that cover it, in ascending order. So dx need not be set to
// zero first, and no two threads write to the same pixel.
import { pointer } from './arguments';
import { storeLanes } from './simd';
import { shareBegin, shareEnd } from './threads';
import { B, C, endWindow, firstWindow, H, KH, KW, OH, OW, PH, PW, readWindow, SH, SW, W } from './window';

export function maxPool2dForward(args: usize): void {
  const y = pointer(args, 0);
  const index = pointer(args, 1);
  const x = pointer(args, 2);
  readWindow(args, 3);
  poolRows(y, index, x, shareBegin(B * OH), shareEnd(B * OH));
}

/** Rows [row, end) of y, counted through all images, for the window in window.ts. */
export function poolRows(y: usize, index: usize, x: usize, row: i32, end: i32): void {
  const isSmall = KH == 2 && KW == 2 && PH == 0 && PW == 0;
  for (; row < end; row++) {
    const n = row / OH;
    const top = (row % OH) * SH - PH;
    for (let ow = 0; ow < OW; ow++) {
      const left = ow * SW - PW;
      const o = (row * OW + ow) * C;
      // This address may lie in the padding, which is never read.
      const corner = x + 4 * (((n * H + top) * W + left) * C);
      if (isSmall) largestOfFour(y + 4 * o, index + o, corner);
      else largest(y + 4 * o, index + o, corner, top, left);
    }
  }
}

/** One window of any size, whose first pixel is at row `top` and column `left`. */
function largest(y: usize, index: usize, corner: usize, top: i32, left: i32): void {
  const rowBegin = max(0, -top);
  const rowEnd = min(KH, H - top);
  const columnBegin = max(0, -left);
  const columnEnd = min(KW, W - left);
  const channels = C;
  const pixelBytes = 4 * channels;
  const rowBytes = W * pixelBytes;
  const positions = KW;
  const first = rowBegin * positions + columnBegin;
  corner += rowBegin * rowBytes + columnBegin * pixelBytes;
  for (let c = 0; c < channels; c += 4) {
    let row = corner + 4 * c;
    let best = v128.load(row);
    let where = i32x4.splat(first);
    for (let kh = rowBegin; kh < rowEnd; kh++, row += rowBytes) {
      let pixel = row;
      for (let kw = columnBegin; kw < columnEnd; kw++, pixel += pixelBytes) {
        const value = v128.load(pixel);
        const wins = beats(value, best);
        best = v128.bitselect(value, best, wins);
        where = v128.bitselect(i32x4.splat(kh * positions + kw), where, wins);
      }
    }
    storeLanes(y + 4 * c, best, channels - c);
    storeBytes(index + c, where, channels - c);
  }
}

/** A window of 2×2 that lies in the image. */
function largestOfFour(y: usize, index: usize, corner: usize): void {
  const channels = C;
  const right = 4 * channels;
  const below = 4 * W * channels;
  for (let c = 0; c < channels; c += 4) {
    const pixel = corner + 4 * c;
    let best = v128.load(pixel);
    let value = v128.load(pixel + right);
    let wins = beats(value, best);
    best = v128.bitselect(value, best, wins);
    let where = v128.and(wins, i32x4.splat(1));
    value = v128.load(pixel + below);
    wins = beats(value, best);
    best = v128.bitselect(value, best, wins);
    where = v128.bitselect(i32x4.splat(2), where, wins);
    value = v128.load(pixel + below + right);
    wins = beats(value, best);
    best = v128.bitselect(value, best, wins);
    where = v128.bitselect(i32x4.splat(3), where, wins);
    storeLanes(y + 4 * c, best, channels - c);
    storeBytes(index + c, where, channels - c);
  }
}

/** Lanes in which `value` becomes the maximum: it is larger, or NaN. */
// @ts-ignore: decorator
@inline function beats(value: v128, best: v128): v128 {
  return v128.or(f32x4.gt(value, best), f32x4.ne(value, value));
}

/** Stores the first `count` lanes, integers from 0 to 255, as bytes. */
// @ts-ignore: decorator
@inline function storeBytes(address: usize, lanes: v128, count: i32): void {
  const words = i16x8.narrow_i32x4_u(lanes, lanes);
  const bytes = i8x16.narrow_i16x8_u(words, words);
  if (count >= 4) {
    v128.store32_lane(address, bytes, 0);
    return;
  }
  const packed = i32x4.extract_lane(bytes, 0);
  for (let i = 0; i < count; i++) store<u8>(address + i, <u8>(packed >> (8 * i)));
}

export function maxPool2dBackward(args: usize): void {
  readWindow(args, 3);
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const index = pointer(args, 2);
  backward(dx, dy, index, 0);
}

/**
 * maxPool2dBackward, then reluBackward of the ReLU before it: where y, the maximum of the window, is 0,
 * the gradient is 0.
 */
export function maxPool2dReluBackward(args: usize): void {
  readWindow(args, 4);
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const index = pointer(args, 2);
  const y = pointer(args, 3);
  backward(dx, dy, index, y);
}

/** @param y gradients pass where y is above 0; address 0 passes all gradients */
function backward(dx: usize, dy: usize, index: usize, y: usize): void {
  const isSmall = KH == 2 && KW == 2 && SH == 2 && SW == 2 && PH == 0 && PW == 0;
  for (let row = shareBegin(B * H), end = shareEnd(B * H); row < end; row++) {
    const n = row / H;
    const h = row % H;
    const to = dx + 4 * row * W * C;
    const begin = firstWindow(h, KH, SH, PH);
    const stop = endWindow(h, OH, SH, PH);
    if (begin >= stop) memory.fill(to, 0, 4 * W * C);
    else if (isSmall) scatterRow(to, dy, index, y, (n * OH + begin) * OW * C, 2 * (h & 1));
    else for (let w = 0; w < W; w++) gather(to + 4 * w * C, dy, index, y, n * OH, h, w, begin, stop);
  }
}

/** A row of dx under adjacent windows of 2×2, whose two pixels have the positions `first` and `first` + 1. */
function scatterRow(dx: usize, dy: usize, index: usize, y: usize, o: i32, first: i32): void {
  const channels = C;
  const left = i32x4.splat(first);
  const right = i32x4.splat(first + 1);
  for (let ow = 0; ow < OW; ow++, o += channels, dx += 8 * channels) {
    for (let c = 0; c < channels; c += 4) {
      const gradient = passed(dy, y, 4 * (o + c));
      const where = loadBytes(index + o + c);
      const to = dx + 4 * c;
      storeLanes(to, v128.and(gradient, i32x4.eq(where, left)), channels - c);
      storeLanes(to + 4 * channels, v128.and(gradient, i32x4.eq(where, right)), channels - c);
    }
  }
  if (W & 1) memory.fill(dx, 0, 4 * channels);
}

/** Pixel (h, w) of dx, under rows [begin, stop) of windows; `rows` rows of windows belong to earlier images. */
function gather(
  dx: usize, dy: usize, index: usize, y: usize,
  rows: i32, h: i32, w: i32, begin: i32, stop: i32,
): void {
  const channels = C;
  const left = firstWindow(w, KW, SW, PW);
  const right = endWindow(w, OW, SW, PW);
  const stride = SW;
  const rowPositions = SH * KW;
  const rowChannels = OW * channels;
  const firstPosition = (h + PH - begin * SH) * KW + w + PW - left * stride;
  const firstOutput = ((rows + begin) * OW + left) * channels;
  for (let c = 0; c < channels; c += 4) {
    let sum = f32x4.splat(0);
    let rowPosition = firstPosition;
    let row = firstOutput + c;
    for (let oh = begin; oh < stop; oh++, rowPosition -= rowPositions, row += rowChannels) {
      let position = rowPosition;
      let o = row;
      for (let ow = left; ow < right; ow++, position -= stride, o += channels) {
        const isHere = i32x4.eq(loadBytes(index + o), i32x4.splat(position));
        sum = f32x4.add(sum, v128.and(passed(dy, y, 4 * o), isHere));
      }
    }
    storeLanes(dx + 4 * c, sum, channels - c);
  }
}

/** Four gradients, or 0 where y is not above 0. */
// @ts-ignore: decorator
@inline function passed(dy: usize, y: usize, at: usize): v128 {
  const gradient = v128.load(dy + at);
  return y ? v128.and(gradient, f32x4.gt(v128.load(y + at), f32x4.splat(0))) : gradient;
}

/** Four bytes as integers. */
// @ts-ignore: decorator
@inline function loadBytes(address: usize): v128 {
  const bytes = v128.load32_zero(address);
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
}
