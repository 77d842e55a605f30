/**
 * Linear layer: y = x·W + b.
 *
 *   x (B, I)    y, dy (B, O)    W (I, O)    b (O)
 *
 *   y[n, o] = Σᵢ x[n, i] W[i, o] + b[o]
 *
 * Backward. Each of the three inputs reaches the loss through the y[n, o] that contain it:
 *
 *   dW[i, o] = Σₙ dy[n, o] ∂y[n, o]/∂W[i, o] = Σₙ x[n, i] dy[n, o]     over the batch
 *   db[o]    = Σₙ dy[n, o] ∂y[n, o]/∂b[o]    = Σₙ dy[n, o]
 *   dx[n, i] = Σₒ dy[n, o] ∂y[n, o]/∂x[n, i] = Σₒ dy[n, o] W[i, o]     over the outputs
 *
 * and as matrix products, none of which needs a transposed copy:
 *
 *   dW = xᵀ·dy    db = column sums of dy    dx = dy·Wᵀ
 *
 * The mean over the batch is already in dy, since losses are means. Saved for backward: x.
 * PyTorch stores the weight as (O, I); reading and writing weights transposes.
 *
 * Kernels: assembly/linear.ts, on the tiles of assembly/gemm.ts; shaders/linear.wgsl, on those of
 * shaders/gemm.wgsl
 */
import { ShapeError } from '../errors.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import { matmul } from './matmul.js';
import { defineOp, expectRank, expectShape } from './types.js';

export function linearForward(
  y: Values,
  x: Values,
  W: Values,
  b: Values,
  [B, I, O]: readonly number[],
): void {
  for (let n = 0; n < B; n++) {
    for (let o = 0; o < O; o++) {
      let sum = b[o];
      for (let i = 0; i < I; i++) sum += x[n * I + i] * W[i * O + o];
      y[n * O + o] = sum;
    }
  }
}

export function linearBackwardWeight(
  dW: Values,
  x: Values,
  dy: Values,
  [B, I, O]: readonly number[],
): void {
  matmul(dW, x, dy, [I, O, B], true, false);
}

export function linearBackwardBias(db: Values, dy: Values, [B, O]: readonly number[]): void {
  for (let o = 0; o < O; o++) {
    let sum = 0;
    for (let n = 0; n < B; n++) sum += dy[n * O + o];
    db[o] = sum;
  }
}

export function linearBackwardInput(
  dx: Values,
  dy: Values,
  W: Values,
  [B, I, O]: readonly number[],
): void {
  matmul(dx, dy, W, [B, I, O], false, true);
}

export const linearOps = {
  linearForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'W', 'b'],
    formula: 'y = x·W + b',
    sizes({ y, x, W, b }) {
      const sizes = linearSizes(x, W, y);
      expectShape('linear', 'b', b, [W[1]]);
      return sizes;
    },
    reference: ({ y, x, W, b }, sizes) => linearForward(y, x, W, b, sizes),
  }),

  linearBackwardWeight: defineOp({
    outputs: ['dW'],
    inputs: ['x', 'dy'],
    formula: 'dW = xᵀ·dy',
    sizes: ({ dW, x, dy }) => linearSizes(x, dW, dy),
    reference: ({ dW, x, dy }, sizes) => linearBackwardWeight(dW, x, dy, sizes),
  }),

  linearBackwardBias: defineOp({
    outputs: ['db'],
    inputs: ['dy'],
    formula: 'db[o] = Σₙ dy[n, o]',
    sizes({ db, dy }) {
      expectRank('linear', 'dy', dy, '(B, O)');
      expectShape('linear', 'db', db, [dy[1]]);
      return dy;
    },
    reference: ({ db, dy }, sizes) => linearBackwardBias(db, dy, sizes),
  }),

  linearBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'W'],
    formula: 'dx = dy·Wᵀ',
    sizes: ({ dx, dy, W }) => linearSizes(dx, W, dy),
    reference: ({ dx, dy, W }, sizes) => linearBackwardInput(dx, dy, W, sizes),
  }),
};

/** [B, I, O] of x (B, I), W (I, O) and y (B, O). */
function linearSizes(x: Shape, W: Shape, y: Shape): readonly number[] {
  expectRank('linear', 'W', W, '(I, O)');
  const [I, O] = W;
  if (x.length !== 2 || x[1] !== I) {
    const mend = x.length > 2 ? '; flatten it first' : '';
    throw new ShapeError(`linear: expected input of shape (B, ${I}), got ${formatShape(x)}${mend}`);
  }
  expectShape('linear', 'y', y, [x[0], O]);
  return [x[0], I, O];
}
