// Derivations: src/ops/conv2d.ts, src/ops/max-pool2d.ts
// Convolution, with bias, ReLU and max pooling as its epilogue: x (B, H, W, C), W (KH, KW, C/G, OC),
// b (OC) to y (B, pooling.OH, pooling.OW, OC) and index of the same shape, all row-major and dense.
//
// The convolution of a few images at a time is written to scratch memory, and pooling reads it there
// while it is in the second-level cache. It is larger than the pooled result (four times for windows
// of 2×2) and never reaches main memory. Threads share the images.
import { SCRATCH_BYTES } from '../src/backends/wasm/constants';
import { pointer } from './arguments';
import { dropErrors } from './block-sum';
import { convolvePart } from './conv2d';
import { B, C, H, OC, OH, OW, readSizes, W } from './conv2d-sizes';
import { poolRows } from './max-pool2d';
import { NO_CLAMP } from './simd';
import { ownScratch, shareBegin, shareEnd } from './threads';
import * as pooling from './window';

/** Most bytes of images that are convolved together; one image may have more: see src/backends/wasm/fuse.ts. */
const CONVOLVED_BYTES: i32 = 1 << 18;

export function conv2dBiasMaxPool2dForward(args: usize): void {
  convolveAndPool(args, NO_CLAMP);
}

export function conv2dBiasReluMaxPool2dForward(args: usize): void {
  convolveAndPool(args, 0);
}

function convolveAndPool(args: usize, clampMin: f32): void {
  const y = pointer(args, 0);
  const index = pointer(args, 1);
  const x = pointer(args, 2);
  const weight = pointer(args, 3);
  const bias = pointer(args, 4);
  readSizes(args, 5);
  dropErrors();
  const convolvedBytes = 4 * OH * OW * OC;
  const images = max(1, CONVOLVED_BYTES / convolvedBytes);
  const convolved = ownScratch();
  const room = (convolved + images * convolvedBytes + 63) & ~63;
  pooling.setWindow(args, 21, images, OH, OW, OC);
  const pooled = pooling.OH * pooling.OW * OC;
  const end = shareEnd(B);
  for (let n = shareBegin(B); n < end; n += images) {
    const count = min(images, end - n);
    convolvePart(
      convolved, x + 4 * n * H * W * C, weight, bias, clampMin, false,
      count, false, room, ownScratch() + SCRATCH_BYTES,
    );
    poolRows(y + 4 * n * pooled, index + n * pooled, convolved, 0, count * pooling.OH);
  }
}
