/**
 * Linear (fully connected) layer: y = x·W + b.
 *
 *   x, dx (B, I)    y, dy (B, O)    W, dW (I, O)    b, db (O)
 *   B examples, I inputs, O outputs
 *
 *   y[n, o] = Σᵢ x[n, i] W[i, o] + b[o]
 *
 * Backward. Each gradient is a sum over the elements of y to which its tensor contributes:
 *
 *   dW[i, o] = Σₙ dy[n, o] ∂y[n, o]/∂W[i, o] = Σₙ x[n, i] dy[n, o]     over the batch
 *   db[o]    = Σₙ dy[n, o] ∂y[n, o]/∂b[o]    = Σₙ dy[n, o]             over the batch
 *   dx[n, i] = Σₒ dy[n, o] ∂y[n, o]/∂x[n, i] = Σₒ dy[n, o] W[i, o]     over the outputs
 *
 * As GEMMs (see matmul.ts), with x or W transposed:
 *
 *   dW = xᵀ·dy    db = column sums of dy    dx = dy·Wᵀ
 *
 * The mean over the batch is part of the loss, so dy already includes its factor 1/B. Saved for
 * backward: x. PyTorch stores the weight as (O, I); reading and writing weights transposes it.
 *
 * Kernels: assembly/linear.ts, with the tiles of assembly/gemm.ts; shaders/linear.wgsl, with those
 * of shaders/gemm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  LONG,
  type OpCases,
  reals,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { matmul } from './matmul.js';
import { expectRank, expectShape } from './shape-checks.js';

type LinearSizes = Numbers<'B' | 'I' | 'O'>;

/** y (B, O) of x (B, I), W (I, O) and b (O). */
export function linearForward(
  y: Values,
  x: Values,
  W: Values,
  b: Values,
  { B, I, O }: LinearSizes,
): void {
  for (let n = 0; n < B; n++) {
    for (let o = 0; o < O; o++) {
      let sum = b[o];
      for (let i = 0; i < I; i++) sum += x[n * I + i] * W[i * O + o];
      y[n * O + o] = sum;
    }
  }
}

/** dW (I, O) of x (B, I) and dy (B, O). */
export function linearBackwardWeight(
  dW: Values,
  x: Values,
  dy: Values,
  { B, I, O }: LinearSizes,
): void {
  matmul(dW, x, dy, { M: I, N: O, K: B }, true, false);
}

/** db (O) of dy (B, O). */
export function linearBackwardBias(db: Values, dy: Values, { B, O }: Numbers<'B' | 'O'>): void {
  for (let o = 0; o < O; o++) {
    let sum = 0;
    for (let n = 0; n < B; n++) sum += dy[n * O + o];
    db[o] = sum;
  }
}

/** dx (B, I) of dy (B, O) and W (I, O). */
export function linearBackwardInput(
  dx: Values,
  dy: Values,
  W: Values,
  { B, I, O }: LinearSizes,
): void {
  matmul(dx, dy, W, { M: B, N: I, K: O }, false, true);
}

export const linearOps = defineOps({
  linearForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'W', 'b'],
    sizes: ['B', 'I', 'O'],
    formula: 'y = x·W + b',
    shapes({ x, W, b }) {
      expectRank('linear', 'W', W, '(I, O)');
      const [I, O] = W;
      expectInput(x, I);
      expectShape('linear', 'b', b, [O]);
      return { outputs: { y: [x[0], O] }, sizes: { B: x[0], I, O } };
    },
    terms: ({ I }) => I + 1,
    reference: ({ y, x, W, b }, sizes) => linearForward(y, x, W, b, sizes),
  }),

  linearBackwardWeight: defineOp({
    outputs: ['dW'],
    inputs: ['x', 'dy'],
    sizes: ['B', 'I', 'O'],
    formula: 'dW = xᵀ·dy',
    shapes({ x, dy }) {
      expectRank('linear', 'x', x, '(B, I)');
      const [B, I] = x;
      expectGradient(dy, B);
      return { outputs: { dW: [I, dy[1]] }, sizes: { B, I, O: dy[1] } };
    },
    terms: ({ B }) => B,
    reference: ({ dW, x, dy }, sizes) => linearBackwardWeight(dW, x, dy, sizes),
  }),

  linearBackwardBias: defineOp({
    outputs: ['db'],
    inputs: ['dy'],
    sizes: ['B', 'O'],
    formula: 'db[o] = Σₙ dy[n, o]',
    shapes({ dy }) {
      expectRank('linear', 'dy', dy, '(B, O)');
      const [B, O] = dy;
      return { outputs: { db: [O] }, sizes: { B, O } };
    },
    terms: ({ B }) => B,
    reference: ({ db, dy }, sizes) => linearBackwardBias(db, dy, sizes),
  }),

  linearBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'W'],
    sizes: ['B', 'I', 'O'],
    formula: 'dx = dy·Wᵀ',
    shapes({ dy, W }) {
      expectRank('linear', 'W', W, '(I, O)');
      expectRank('linear', 'dy', dy, '(B, O)');
      const [B] = dy;
      const [I, O] = W;
      expectShape('linear', 'dy', dy, [B, O]);
      return { outputs: { dx: [B, I] }, sizes: { B, I, O } };
    },
    terms: ({ O }) => O,
    reference: ({ dx, dy, W }, sizes) => linearBackwardInput(dx, dy, W, sizes),
  }),
});

function expectInput(x: Shape, I: number): void {
  if (x.length === 2 && x[1] === I) return;
  const hint = x.length > 2 ? '; flatten it first' : '';
  throw new ShapeError(`linear: expected input of shape (B, ${I}), got ${formatShape(x)}${hint}`);
}

function expectGradient(dy: Shape, B: number): void {
  expectRank('linear', 'dy', dy, '(B, O)');
  expectShape('linear', 'dy', dy, [B, dy[1]]);
}

export const linearCases: OpCases<keyof typeof linearOps> = {
  name: 'linear',
  magnitudes: {
    linearForward: absolute,
    linearBackwardWeight: absolute,
    linearBackwardBias: absolute,
    linearBackwardInput: absolute,
  },
  draw(random) {
    const [B, I, O] = drawExtents(random, 3);
    return {
      gradients: [linearCase(random, { B, I, O }), linearCase(random, { B, I, O: 1 })],
      kernels: [linearCase(random, { B, I: LONG, O })],
    };
  },
};

export function linearCase(
  random: RandomStream,
  { B, I, O }: LinearSizes,
): GradientDeclaration<keyof typeof linearOps> {
  return {
    title: `linear (${B}, ${I})·(${I}, ${O})`,
    inputs: { x: reals(random, [B, I]), W: reals(random, [I, O]), b: reals(random, [O]) },
    forward: [{ op: 'linearForward' }],
    backward: [
      { op: 'linearBackwardWeight' },
      { op: 'linearBackwardBias' },
      { op: 'linearBackwardInput' },
    ],
  };
}
