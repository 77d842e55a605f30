/**
 * Inverted dropout: sets each element to zero with probability p, and makes the others larger by as
 * much as the sum of all is expected to lose.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *   m              the mask, 1 where an element is kept, else 0: E[m] = 1 − p
 *   state          its step number makes every update draw masks of its own: step-state.ts
 *
 *   y = x · m / (1 − p)        so E[y] = x, and evaluation leaves dropout out
 *
 * Backward. m does not depend on x, so each element is multiplied by a constant:
 *
 *   dx = dy · m / (1 − p)
 *
 * The mask is not kept but drawn again, by the same counters. Element i = 16g + 4h + l takes half h
 * of the random block 4g + l:
 *
 *   key (seed, stream), counter (4g + l, step)  →  words w0, w1       Threefry-2x32-20
 *   halves   0: low bits of w0,  1: high bits of w0,  2: low bits of w1,  3: high bits of w1
 *   m[i] = 1 where the half, 0 … 65535, is at least round(p · 2¹⁶)
 *
 * So four blocks side by side in the lanes of vectors make the masks of sixteen elements in a row, a
 * cache line, and any thread can draw any of them. p is thereby rounded to a multiple of 2⁻¹⁶, at most
 * 1 − 2⁻¹⁶, and 1 / (1 − p) is that of the rounded p.
 *
 * Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent
 * neural networks from overfitting", JMLR 15, 2014; the generator's is in src/random/threefry.ts.
 *
 * Kernels: assembly/dropout.ts, shaders/dropout.wgsl
 */
import { type RandomStream, threefry2x32 } from '../random/threefry.js';
import { type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { DROPOUT_GROUP, HALF_VALUES } from './constants.js';
import { defineOp, elementwise } from './define-op.js';
import { expectShape } from './shape-checks.js';
import { stateWords, stepNumber } from './step-state.js';

/** What decides the masks of one dropout, apart from the number of the update. */
export interface DropoutAttributes {
  /** Integers; the low 32 bits of each count. */
  readonly seed: number;
  readonly stream: number;
  /** Probability that an element is dropped, from 0 to below 1. */
  readonly p: number;
}

/** Lanes of a vector, and blocks of a group. */
const LANES = 4;

export function dropoutForward(
  y: Values,
  x: Values,
  state: Values,
  attributes: DropoutAttributes,
): void {
  mask(y, x, stepNumber(state), attributes);
}

export function dropoutBackward(
  dx: Values,
  dy: Values,
  state: Values,
  attributes: DropoutAttributes,
): void {
  mask(dx, dy, stepNumber(state), attributes);
}

/** to = from · m / (1 − p) */
function mask(to: Values, from: Values, step: number, { seed, stream, p }: DropoutAttributes) {
  const { threshold, scale } = drawnProbability(p);
  const halves = new Uint16Array(DROPOUT_GROUP);
  for (let i = 0; i < from.length; i++) {
    if (i % DROPOUT_GROUP === 0) drawHalves(halves, seed, stream, i / DROPOUT_GROUP, step);
    to[i] = halves[i % DROPOUT_GROUP] >= threshold ? from[i] * scale : 0;
  }
}

/** Of the p that is drawn: the smallest half that keeps its element, and 1 / (1 − p). */
export function drawnProbability(p: number): { threshold: number; scale: number } {
  const threshold = Math.min(Math.round(p * HALF_VALUES), HALF_VALUES - 1);
  return { threshold, scale: HALF_VALUES / (HALF_VALUES - threshold) };
}

/** The halves of all elements of group g, in their order. */
function drawHalves(halves: Uint16Array, seed: number, stream: number, g: number, step: number) {
  const words = new Uint32Array(2);
  for (let l = 0; l < LANES; l++) {
    threefry2x32(words, seed, stream, LANES * g + l, step);
    // Stored as 16 bits, a word loses its high ones.
    halves[l] = words[0];
    halves[LANES + l] = words[0] >>> 16;
    halves[2 * LANES + l] = words[1];
    halves[3 * LANES + l] = words[1] >>> 16;
  }
}

/** @throws RangeError unless p is from 0 to below 1 */
export function expectDropProbability(p: unknown): asserts p is number {
  if (!(typeof p === 'number' && p >= 0 && p < 1)) {
    throw new RangeError(`dropout: expected p from 0 to below 1, got ${p}`);
  }
}

export const dropoutOps = {
  dropoutForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'state'],
    dtypes: { state: 'int32' },
    attributes: ['seed', 'stream', 'p'],
    sizes: ['n'],
    formula: 'y = x · m / (1 − p), m drawn for this step',
    shapes({ x, state }, { p }) {
      expectMask(state, p);
      return { outputs: { y: x }, sizes: { n: sizeOf(x) } };
    },
    terms: elementwise,
    reference: ({ y, x, state }, _, attributes) => dropoutForward(y, x, state, attributes),
  }),

  dropoutBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'state'],
    dtypes: { state: 'int32' },
    attributes: ['seed', 'stream', 'p'],
    sizes: ['n'],
    formula: 'dx = dy · m / (1 − p), m as in forward',
    shapes({ dy, state }, { p }) {
      expectMask(state, p);
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: elementwise,
    reference: ({ dx, dy, state }, _, attributes) => dropoutBackward(dx, dy, state, attributes),
  }),
};

function expectMask(state: Shape, p: number): void {
  expectShape('dropout', 'state', state, [4]);
  expectDropProbability(p);
}

export const dropoutCases: OpCases<keyof typeof dropoutOps> = {
  name: 'dropout',
  magnitudes: {
    dropoutForward: relative,
    dropoutBackward: relative,
  },
  draw(random) {
    const [n] = drawExtents(random, 1);
    return {
      gradients: [dropoutCase(random, n, 0.5)],
      // Some groups of sixteen, and a remainder.
      kernels: [dropoutCase(random, 50 + n, random.nextFloat())],
    };
  },
};

/** @param n elements of x */
export function dropoutCase(
  random: RandomStream,
  n: number,
  p: number,
): GradientDeclaration<keyof typeof dropoutOps> {
  const attributes = { seed: random.nextUint32(), stream: random.nextUint32(), p };
  const state = { shape: [4], data: stateWords(1 + random.nextBelow(1000), 0) };
  return {
    title: `dropout (${n})`,
    inputs: { x: reals(random, [n]) },
    constants: { state },
    forward: [{ op: 'dropoutForward', attributes }],
    backward: [{ op: 'dropoutBackward', attributes }],
  };
}
