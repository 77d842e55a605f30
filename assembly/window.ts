// Windows over images (B, H, W, C), row-major and dense, as src/ops/max-pool2d.ts numbers them.
//
// Along one axis, window o covers those of the `kernel` pixels from o·stride − padding on that lie in the
// image. There is at least one, since padding is at most half the kernel.
import { attribute, size } from './arguments';

/** Sizes of the current call: see readWindow. Each thread has its own copy. */
export let B: i32 = 0;
export let H: i32 = 0;
export let W: i32 = 0;
export let C: i32 = 0;
export let OH: i32 = 0;
export let OW: i32 = 0;
export let KH: i32 = 0;
export let KW: i32 = 0;
export let SH: i32 = 0;
export let SW: i32 = 0;
export let PH: i32 = 0;
export let PW: i32 = 0;

/** Reads the sizes B, H, W, C after `pointers` pointers, and the six attributes of the window. */
export function readWindow(args: usize, pointers: i32): void {
  const height = size(args, pointers + 1);
  const width = size(args, pointers + 2);
  setWindow(args, pointers + 4, size(args, pointers), height, width, size(args, pointers + 3));
}

/** Reads only the attributes, for images of these sizes; the call has `words` pointers and sizes. */
export function setWindow(args: usize, words: i32, batch: i32, height: i32, width: i32, channels: i32): void {
  B = batch;
  H = height;
  W = width;
  C = channels;
  KH = <i32>attribute(args, words, 0);
  KW = <i32>attribute(args, words, 1);
  SH = <i32>attribute(args, words, 2);
  SW = <i32>attribute(args, words, 3);
  PH = <i32>attribute(args, words, 4);
  PW = <i32>attribute(args, words, 5);
  OH = (H + 2 * PH - KH) / SH + 1;
  OW = (W + 2 * PW - KW) / SW + 1;
}

/** The first window that covers pixel `i` or begins after it. */
// @ts-ignore: decorator
@inline export function firstWindow(i: i32, kernel: i32, stride: i32, padding: i32): i32 {
  return max(0, i + padding - kernel + stride) / stride;
}

/** The first window that begins after pixel `i`: windows [firstWindow, endWindow) cover `i`. */
// @ts-ignore: decorator
@inline export function endWindow(i: i32, windows: i32, stride: i32, padding: i32): i32 {
  return min(windows, (i + padding) / stride + 1);
}
