// Derivation: src/ops/group-norm.ts
// x, y, dx, dy: B images of P pixels of C channels; mean, rstd (B, G); all other tensors (C). Row-major,
// dense.
//
// A group may be narrower than a vector. Therefore sums over the pixels are computed for sixteen channels
// at a time, regardless of their groups, and each channel's sum is then added to its group's, in order.
// Numbers of a group are copied to each of its channels in scratch memory. Threads share the groups of
// all images. dγ and dβ are sums over images, so there threads share the channels, by vectors of four.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { attribute, pointer, size } from './arguments';
import { clearBlocks } from './block-sum';
import { addBlocks, addToGroups, narrow, spread, storeBlocks, WIDTH } from './columns';
import { multiplyAdd, storeLanes } from './simd';
import { blockSums, columnsBegin, columnsEnd, ownScratch, shareBegin, shareEnd } from './threads';

/** Bytes of sixteen numbers. */
const BLOCK: usize = 4 * WIDTH;
/** Groups whose sums are in scratch memory at once. */
const GROUPS: i32 = 512;

export function groupNormForward(args: usize): void {
  const y = pointer(args, 0);
  const mean = pointer(args, 1);
  const rstd = pointer(args, 2);
  const x = pointer(args, 3);
  const gamma = pointer(args, 4);
  const beta = pointer(args, 5);
  const B = size(args, 6);
  const P = size(args, 7);
  const C = size(args, 8);
  const epsilon: f32 = <f32>attribute(args, 9, 0);
  const G = <i32>attribute(args, 9, 1);
  const D = C / G;
  const end = shareEnd(B * G);
  let group = shareBegin(B * G);
  while (group < end) {
    const first = group % G;
    const groups = min(min(G - first, end - group), GROUPS);
    const c = 4 * first * D;
    const image = 4 * (group / G) * P * C + c;
    const saved = 4 * group;
    statistics(mean + saved, rstd + saved, x + image, P, C, D, groups, epsilon);
    normalise(y + image, x + image, gamma + c, beta + c, mean + saved, rstd + saved, P, C, D, groups);
    // So far, mean is relative to the group's first number.
    for (let g = 0; g < groups; g++) {
      const at = mean + saved + 4 * g;
      store<f32>(at, load<f32>(x + image + 4 * g * D) + load<f32>(at));
    }
    group += groups;
  }
}

/**
 * mean and rstd of some groups of an image; mean is relative to the group's first number.
 *
 * @param x the first channel of the first group
 */
function statistics(
  shift: usize, rstd: usize, x: usize,
  P: i32, C: i32, D: i32, groups: i32, epsilon: f32,
): void {
  const channels = groups * D;
  const origins = ownScratch();
  const shifts = origins + BLOCK;
  const sums = origins + 2 * BLOCK;
  const totals = origins + 4 * BLOCK;
  const M = <f64>P * <f64>D;
  memory.fill(totals, 0, 8 * groups);
  memory.fill(shifts, 0, BLOCK);
  for (let c = 0; c < channels; c += WIDTH) {
    const count = min(WIDTH, channels - c);
    spread(origins, x, 4 * D, D, c, count);
    sumDeviations(sums, x + 4 * c, origins, shifts, P, 4 * C);
    addToGroups(totals, sums, D, c, count);
  }
  for (let g = 0; g < groups; g++) {
    store<f32>(shift + 4 * g, <f32>(load<f64>(totals + 8 * g) / M));
  }
  memory.fill(totals, 0, 8 * groups);
  for (let c = 0; c < channels; c += WIDTH) {
    const count = min(WIDTH, channels - c);
    spread(origins, x, 4 * D, D, c, count);
    spread(shifts, shift, 4, D, c, count);
    sumDeviations(sums, x + 4 * c, origins, shifts, P, 4 * C);
    addToGroups(totals, sums + BLOCK, D, c, count);
  }
  for (let g = 0; g < groups; g++) {
    store<f32>(rstd + 4 * g, 1 / sqrt<f32>(<f32>(load<f64>(totals + 8 * g) / M) + epsilon));
  }
}

/** Σ d, followed by Σ d², over P pixels of sixteen channels, with d = x − origin − shift. */
function sumDeviations(
  sums: usize, x: usize, origins: usize, shifts: usize,
  P: i32, rowBytes: i32,
): void {
  const blocks = blockSums();
  clearBlocks(blocks, 8);
  for (let p = 0; p < P; ) {
    let sum0 = f32x4.splat(0), square0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0), square1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0), square2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0), square3 = f32x4.splat(0);
    for (const end = min(p + TERMS_PER_BLOCK, P); p < end; p++, x += rowBytes) {
      const d0 = centred(x, origins, shifts);
      sum0 = f32x4.add(sum0, d0);
      square0 = multiplyAdd(d0, d0, square0);
      const d1 = centred(x + 16, origins + 16, shifts + 16);
      sum1 = f32x4.add(sum1, d1);
      square1 = multiplyAdd(d1, d1, square1);
      const d2 = centred(x + 32, origins + 32, shifts + 32);
      sum2 = f32x4.add(sum2, d2);
      square2 = multiplyAdd(d2, d2, square2);
      const d3 = centred(x + 48, origins + 48, shifts + 48);
      sum3 = f32x4.add(sum3, d3);
      square3 = multiplyAdd(d3, d3, square3);
    }
    addBlocks(blocks, sum0, sum1, sum2, sum3);
    addBlocks(blocks, square0, square1, square2, square3, 4);
  }
  storeBlocks(sums, blocks, WIDTH);
  storeBlocks(sums + BLOCK, blocks, WIDTH, 4);
}

// @ts-ignore: decorator
@inline function centred(x: usize, origins: usize, shifts: usize): v128 {
  return f32x4.sub(f32x4.sub(v128.load(x), v128.load(origins)), v128.load(shifts));
}

/** y = (x − origin − shift) rstd γ + β of some groups of an image. */
function normalise(
  y: usize, x: usize, gamma: usize, beta: usize, shift: usize, rstd: usize,
  P: i32, C: i32, D: i32, groups: i32,
): void {
  const channels = groups * D;
  const origins = ownScratch();
  const shifts = origins + BLOCK;
  const scales = origins + 2 * BLOCK;
  for (let c = 0; c < channels; c += WIDTH) {
    const count = min(WIDTH, channels - c);
    spread(origins, x, 4 * D, D, c, count);
    spread(shifts, shift, 4, D, c, count);
    spread(scales, rstd, 4, D, c, count);
    for (let p = 0; p < P; p++) {
      const at = 4 * (p * C + c);
      for (let i = 0; i < count; i += 4) {
        const lane = 4 * i;
        const d = centred(x + at + lane, origins + lane, shifts + lane);
        const xHat = f32x4.mul(d, v128.load(scales + lane));
        const channel = 4 * c + lane;
        const result = multiplyAdd(xHat, v128.load(gamma + channel), v128.load(beta + channel));
        storeLanes(y + at + lane, result, count - i);
      }
    }
  }
}

export function groupNormBackwardParameters(args: usize): void {
  const dGamma = pointer(args, 0);
  const dBeta = pointer(args, 1);
  const dy = pointer(args, 2);
  const x = pointer(args, 3);
  const mean = pointer(args, 4);
  const rstd = pointer(args, 5);
  const B = size(args, 6);
  const P = size(args, 7);
  const C = size(args, 8);
  const G = size(args, 9);
  const D = C / G;
  const means = ownScratch();
  const scales = means + BLOCK;
  const blocks = blockSums();
  for (let c = columnsBegin(C), end = columnsEnd(C); c < end; c += WIDTH) {
    const count = min(WIDTH, end - c);
    clearBlocks(blocks, 8);
    for (let n = 0; n < B; n++) {
      spread(means, mean + 4 * n * G, 4, D, c, count);
      spread(scales, rstd + 4 * n * G, 4, D, c, count);
      const image = 4 * (n * P * C + c);
      addGradients(blocks, dy + image, x + image, means, scales, P, 4 * C);
    }
    storeBlocks(dBeta + 4 * c, blocks, count);
    storeBlocks(dGamma + 4 * c, blocks, count, 4);
  }
}

/** Adds Σ dy, followed by Σ dy x̂, over P pixels of sixteen channels to the sums of blocks. */
function addGradients(
  blocks: usize, dy: usize, x: usize, means: usize, scales: usize, P: i32, rowBytes: i32,
): void {
  for (let p = 0; p < P; ) {
    let sum0 = f32x4.splat(0), along0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0), along1 = f32x4.splat(0);
    let sum2 = f32x4.splat(0), along2 = f32x4.splat(0);
    let sum3 = f32x4.splat(0), along3 = f32x4.splat(0);
    for (const end = min(p + TERMS_PER_BLOCK, P); p < end; p++, x += rowBytes, dy += rowBytes) {
      const dy0 = v128.load(dy);
      sum0 = f32x4.add(sum0, dy0);
      along0 = multiplyAdd(dy0, normalised(x, means, scales), along0);
      const dy1 = v128.load(dy, 16);
      sum1 = f32x4.add(sum1, dy1);
      along1 = multiplyAdd(dy1, normalised(x + 16, means + 16, scales + 16), along1);
      const dy2 = v128.load(dy, 32);
      sum2 = f32x4.add(sum2, dy2);
      along2 = multiplyAdd(dy2, normalised(x + 32, means + 32, scales + 32), along2);
      const dy3 = v128.load(dy, 48);
      sum3 = f32x4.add(sum3, dy3);
      along3 = multiplyAdd(dy3, normalised(x + 48, means + 48, scales + 48), along3);
    }
    addBlocks(blocks, sum0, sum1, sum2, sum3);
    addBlocks(blocks, along0, along1, along2, along3, 4);
  }
}

// @ts-ignore: decorator
@inline function normalised(x: usize, means: usize, scales: usize): v128 {
  return f32x4.mul(f32x4.sub(v128.load(x), v128.load(means)), v128.load(scales));
}

export function groupNormBackwardInput(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const x = pointer(args, 2);
  const mean = pointer(args, 3);
  const rstd = pointer(args, 4);
  const gamma = pointer(args, 5);
  const B = size(args, 6);
  const P = size(args, 7);
  const C = size(args, 8);
  const G = size(args, 9);
  const D = C / G;
  const end = shareEnd(B * G);
  let group = shareBegin(B * G);
  while (group < end) {
    const first = group % G;
    const groups = min(min(G - first, end - group), GROUPS);
    const c = 4 * first * D;
    const image = 4 * (group / G) * P * C + c;
    const saved = 4 * group;
    gradientOfGroups(
      dx + image, dy + image, x + image, mean + saved, rstd + saved, gamma + c,
      P, C, D, groups,
    );
    group += groups;
  }
}

/** dx = rstd (dx̂ − (Σ dx̂ + x̂ Σ dx̂ x̂)/M) of some groups of an image, with dx̂ = γ dy. */
function gradientOfGroups(
  dx: usize, dy: usize, x: usize, mean: usize, rstd: usize, gamma: usize,
  P: i32, C: i32, D: i32, groups: i32,
): void {
  const channels = groups * D;
  const means = ownScratch();
  const scales = means + BLOCK;
  const sums = means + 2 * BLOCK;
  const taken = means + 4 * BLOCK;
  // By group: Σ dx̂ / M, followed by Σ dx̂ x̂ / M.
  const ofGradient = means + 6 * BLOCK;
  const along = ofGradient + 8 * groups;
  const blocks = blockSums();
  const M = f32x4.splat(<f32>P * <f32>D);
  memory.fill(ofGradient, 0, 16 * groups);
  for (let c = 0; c < channels; c += WIDTH) {
    const count = min(WIDTH, channels - c);
    spread(means, mean, 4, D, c, count);
    spread(scales, rstd, 4, D, c, count);
    clearBlocks(blocks, 8);
    addGradients(blocks, dy + 4 * c, x + 4 * c, means, scales, P, 4 * C);
    storeBlocks(sums, blocks, WIDTH);
    storeBlocks(sums + BLOCK, blocks, WIDTH, 4);
    for (let i: usize = 0; i < BLOCK; i += 16) {
      const factors = f32x4.div(v128.load(gamma + 4 * c + i), M);
      v128.store(sums + i, f32x4.mul(factors, v128.load(sums + i)));
      v128.store(sums + BLOCK + i, f32x4.mul(factors, v128.load(sums + BLOCK + i)));
    }
    addToGroups(ofGradient, sums, D, c, count);
    addToGroups(along, sums + BLOCK, D, c, count);
  }
  narrow(ofGradient, groups);
  narrow(along, groups);
  for (let c = 0; c < channels; c += WIDTH) {
    const count = min(WIDTH, channels - c);
    spread(means, mean, 4, D, c, count);
    spread(scales, rstd, 4, D, c, count);
    spread(taken, ofGradient, 4, D, c, count);
    spread(taken + BLOCK, along, 4, D, c, count);
    for (let p = 0; p < P; p++) {
      const at = 4 * (p * C + c);
      for (let i = 0; i < count; i += 4) {
        const lane = 4 * i;
        const d = f32x4.mul(v128.load(gamma + 4 * c + lane), v128.load(dy + at + lane));
        const xHat = normalised(x + at + lane, means + lane, scales + lane);
        const shared = multiplyAdd(xHat, v128.load(taken + BLOCK + lane), v128.load(taken + lane));
        const result = f32x4.mul(v128.load(scales + lane), f32x4.sub(d, shared));
        storeLanes(dx + at + lane, result, count - i);
      }
    }
  }
}
