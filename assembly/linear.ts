// Derivation: src/ops/linear.ts
// x (B, I), W (I, O), b (O), y (B, O), all row-major and dense.
import { TERMS_PER_BLOCK } from '../src/ops/constants';
import { pointer, size } from './arguments';
import { addBlock, clearBlocks, sumOfBlocks } from './block-sum';
import { gemm } from './gemm';
import { NO_CLAMP, storeLanes } from './simd';
import { blockSums, bytesBegin, bytesEnd } from './threads';

export function linearForward(args: usize): void {
  forward(args, NO_CLAMP);
}

/** linearForward with ReLU as the epilogue of its GEMM. */
export function linearReluForward(args: usize): void {
  forward(args, 0);
}

/** @param clampMin lower bound of the results: 0 for ReLU, NO_CLAMP for none */
function forward(args: usize, clampMin: f32): void {
  const y = pointer(args, 0);
  const x = pointer(args, 1);
  const W = pointer(args, 2);
  const b = pointer(args, 3);
  const B = size(args, 4);
  const I = size(args, 5);
  const O = size(args, 6);
  gemm(y, x, W, b, B, O, I, false, false, clampMin);
}

export function linearBackwardWeight(args: usize): void {
  const dW = pointer(args, 0);
  const x = pointer(args, 1);
  const dy = pointer(args, 2);
  const B = size(args, 3);
  const I = size(args, 4);
  const O = size(args, 5);
  gemm(dW, x, dy, 0, I, O, B, true, false, NO_CLAMP);
}

/** Column sums of dy, four columns at a time, over ascending rows. */
export function linearBackwardBias(args: usize): void {
  const db = pointer(args, 0);
  const dy = pointer(args, 1);
  const B = size(args, 2);
  const O = size(args, 3);
  const sums = blockSums();
  for (let o = bytesBegin(O) / 4, end = bytesEnd(O) / 4; o < end; o += 4) {
    clearBlocks(sums, 1);
    for (let n = 0; n < B; ) {
      let sum = f32x4.splat(0);
      for (const end = min(n + TERMS_PER_BLOCK, B); n < end; n++) {
        sum = f32x4.add(sum, v128.load(dy + 4 * (n * O + o)));
      }
      addBlock(sums, 0, sum);
    }
    storeLanes(db + 4 * o, sumOfBlocks(sums, 0), O - o);
  }
}

export function linearBackwardInput(args: usize): void {
  const dx = pointer(args, 0);
  const dy = pointer(args, 1);
  const W = pointer(args, 2);
  const B = size(args, 3);
  const I = size(args, 4);
  const O = size(args, 5);
  gemm(dx, dy, W, 0, B, I, O, false, true, NO_CLAMP);
}
