/**
 * Inverted dropout: sets each element to zero with probability p, and scales the others up so that
 * the expected value of each element stays the same.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *   mask           1 for elements that are kept, 0 for those that are dropped; E[mask] = 1 − p
 *   state          contains the step number, so that every step draws a new mask; see step-state.ts
 *
 *   y = x · mask / (1 − p)    E[y] = x, so evaluation simply omits dropout
 *
 * Backward. The mask does not depend on x, so ∂y/∂x = mask / (1 − p):
 *
 *   dx = dy · mask / (1 − p)
 *
 * Saved for backward: nothing. Backward draws the same mask again from the same counters.
 *
 * Drawing the mask. Element i = 16 group + 4 half + lane, with half and lane from 0 to 3, takes its
 * 16 random bits from half a word of one block:
 *
 *   key (seed, stream), counter (4 group + lane, step)  →  words w0, w1       Threefry-2x32-20
 *   half   0: low bits of w0,  1: high bits of w0,  2: low bits of w1,  3: high bits of w1
 *   mask[i] = 1 if that half, 0 … 65535, is at least round(p · 2¹⁶), else 0
 *
 * In this order, the four blocks of a group fill the four lanes of a vector, and give the masks of
 * 16 consecutive elements, which are one cache line. Any thread can compute any group. p is rounded
 * to a multiple of 2⁻¹⁶, at most 1 − 2⁻¹⁶, and the factor 1 / (1 − p) uses the rounded p.
 *
 * Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to
 * prevent neural networks from overfitting", JMLR 15, 2014; for the generator see
 * src/random/threefry.ts.
 *
 * Kernels: assembly/dropout.ts, shaders/dropout.wgsl
 */
import { shown } from '../errors.js';
import { type RandomStream, threefry2x32 } from '../random/threefry.js';
import { type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { DROPOUT_BLOCKS, DROPOUT_GROUP, HALF_VALUES, STATE_WORDS } from './constants.js';
import { defineOp, defineOps } from './define-op.js';
import { expectState, stateWords, stepNumber } from './step-state.js';

/** Together with the step number, these determine the mask. */
export interface DropoutAttributes {
  /** Integers; only the low 32 bits are used, also of `stream`. */
  readonly seed: number;
  readonly stream: number;
  /** Probability that an element is dropped; 0 ≤ p < 1. */
  readonly p: number;
}

export function dropoutForward(
  y: Values,
  x: Values,
  state: Values,
  attributes: DropoutAttributes,
): void {
  applyMask(y, x, stepNumber(state), attributes);
}

export function dropoutBackward(
  dx: Values,
  dy: Values,
  state: Values,
  attributes: DropoutAttributes,
): void {
  applyMask(dx, dy, stepNumber(state), attributes);
}

/** to = from · mask / (1 − p) */
function applyMask(to: Values, from: Values, step: number, { seed, stream, p }: DropoutAttributes) {
  const { threshold, scale } = drawnProbability(p);
  const halves = new Uint16Array(DROPOUT_GROUP);
  for (let i = 0; i < from.length; i++) {
    if (i % DROPOUT_GROUP === 0) drawHalves(halves, seed, stream, i / DROPOUT_GROUP, step);
    to[i] = halves[i % DROPOUT_GROUP] >= threshold ? from[i] * scale : 0;
  }
}

/** The smallest half that keeps its element, and 1 / (1 − p), both for the rounded p. */
export function drawnProbability(p: number): { threshold: number; scale: number } {
  const threshold = Math.min(Math.round(p * HALF_VALUES), HALF_VALUES - 1);
  return { threshold, scale: HALF_VALUES / (HALF_VALUES - threshold) };
}

/** The halves of all elements of a group, in the order of the elements. */
function drawHalves(
  halves: Uint16Array,
  seed: number,
  stream: number,
  group: number,
  step: number,
) {
  const words = new Uint32Array(2);
  for (let lane = 0; lane < DROPOUT_BLOCKS; lane++) {
    threefry2x32(words, seed, stream, DROPOUT_BLOCKS * group + lane, step);
    // A Uint16Array keeps the low 16 bits of what is stored.
    halves[lane] = words[0];
    halves[DROPOUT_BLOCKS + lane] = words[0] >>> 16;
    halves[2 * DROPOUT_BLOCKS + lane] = words[1];
    halves[3 * DROPOUT_BLOCKS + lane] = words[1] >>> 16;
  }
}

/** @throws RangeError unless 0 ≤ p < 1 */
export function expectDropProbability(p: unknown): asserts p is number {
  if (!(typeof p === 'number' && p >= 0 && p < 1)) {
    throw new RangeError(`dropout: expected p from 0 to below 1, got ${shown(p)}`);
  }
}

export const dropoutOps = defineOps({
  dropoutForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'state'],
    dtypes: { state: 'int32' },
    attributes: ['seed', 'stream', 'p'],
    sizes: ['n'],
    formula: 'y = x · mask / (1 − p), mask drawn for this step',
    shapes({ x, state }, { p }) {
      expectMask(state, p);
      return { outputs: { y: x }, sizes: { n: sizeOf(x) } };
    },
    terms: () => 1,
    reference: ({ y, x, state }, _, attributes) => dropoutForward(y, x, state, attributes),
  }),

  dropoutBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'state'],
    dtypes: { state: 'int32' },
    attributes: ['seed', 'stream', 'p'],
    sizes: ['n'],
    formula: 'dx = dy · mask / (1 − p), mask as in forward',
    shapes({ dy, state }, { p }) {
      expectMask(state, p);
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, state }, _, attributes) => dropoutBackward(dx, dy, state, attributes),
  }),
});

/** @throws ShapeError for another shape of state, RangeError unless 0 ≤ p < 1 */
function expectMask(state: Shape, p: number): void {
  expectState('dropout', state);
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
      // Several groups of 16, and usually a remainder.
      kernels: [dropoutCase(random, 50 + n, random.nextFloat())],
    };
  },
};

/** @param n number of elements of x */
export function dropoutCase(
  random: RandomStream,
  n: number,
  p: number,
): GradientDeclaration<keyof typeof dropoutOps> {
  const attributes = { seed: random.nextUint32(), stream: random.nextUint32(), p };
  const state = { shape: [STATE_WORDS], data: stateWords(1 + random.nextBelow(1000), 0) };
  return {
    title: `dropout (${n})`,
    inputs: { x: reals(random, [n]) },
    constants: { state },
    forward: [{ op: 'dropoutForward', attributes }],
    backward: [{ op: 'dropoutBackward', attributes }],
  };
}
