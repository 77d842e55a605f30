/**
 * Gradient clipping by global norm: if the norm of all gradients together exceeds the limit, they
 * are scaled down to it. This keeps their direction.
 *
 *   dw            the gradient of one parameter; any shape, n elements
 *   squares (P)   one element for each of P parameters; slot is the index of this parameter
 *   factor (1)    one factor for all gradients
 *
 *   sumOfSquares    squares[slot] ← Σ dw²                    once for each parameter
 *   clipFactor      norm = √(Σ squares)                      over all parameters
 *                   factor = min(1, limit / (norm + 10⁻⁶))
 *   scaleGradient   dw ← factor · dw                         once for each parameter
 *
 * The 10⁻⁶ keeps the quotient finite if all gradients are zero. It is the value that PyTorch's
 * clip_grad_norm_ uses.
 *
 * Large gradients. The square of a number above 1.8 · 10¹⁹ overflows float32, and a factor below
 * 1.2 · 10⁻³⁸ is subnormal. So large gradients are measured in units of u = 2⁸⁴, and the sign of
 * squares and factor, which are never negative otherwise, tells the unit:
 *
 *   squares[slot] = −Σ (dw / u)²                 where Σ dw² ≥ 2¹⁰⁰
 *   norm / u      = √(Σ |squares|)               with positive squares divided by u²
 *   factor        = −limit / (norm / u)          where norm > limit and norm² ≥ 2¹⁰⁰
 *   dw            ← (dw / u) · |factor|          where factor < 0
 *
 * u is a power of 2, so that dividing by it does not round. With |dw| < 2¹²⁸, (dw / u)² < 2⁸⁸, which
 * leaves room for 2⁴⁰ terms. Terms that vanish in this unit are below 2⁻⁶⁰ of the sum.
 *
 * Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML
 * 2013.
 *
 * Kernels: assembly/gradient-norm.ts, shaders/gradient-norm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { sizeOf, type Values } from '../tensor.js';
import {
  type CaseCall,
  drawExtents,
  type KernelDeclaration,
  type OpCases,
  reals,
  relative,
} from './cases.js';
import { LARGE_SQUARES, LARGE_UNIT } from './constants.js';
import { defineOp, defineOps } from './define-op.js';
import { expectShape } from './shape-checks.js';

/** squares[slot] = Σ dw², for dw of any shape; −Σ (dw / u)² where that is large. */
export function sumOfSquares(squares: Values, dw: Values, slot: number): void {
  let sum = 0;
  for (let i = 0; i < dw.length; i++) sum += dw[i] * dw[i];
  squares[slot] = sum >= LARGE_SQUARES ? -(sum / (LARGE_UNIT * LARGE_UNIT)) : sum;
}

/** factor (1) of squares (P); negative where it applies to dw / u. */
export function clipFactor(factor: Values, squares: Values, limit: number): void {
  let sum = 0;
  for (let slot = 0; slot < squares.length; slot++) {
    sum += squares[slot] < 0 ? -squares[slot] * (LARGE_UNIT * LARGE_UNIT) : squares[slot];
  }
  const quotient = Math.min(1, limit / (Math.sqrt(sum) + 1e-6));
  factor[0] = sum >= LARGE_SQUARES && quotient < 1 ? -quotient * LARGE_UNIT : quotient;
}

export function scaleGradient(dw: Values, factor: Values): void {
  const unit = factor[0] < 0 ? LARGE_UNIT : 1;
  const magnitude = factor[0] < 0 ? -factor[0] : factor[0];
  for (let i = 0; i < dw.length; i++) dw[i] = (dw[i] / unit) * magnitude;
}

export const gradientNormOps = defineOps({
  sumOfSquares: defineOp({
    updates: ['squares'],
    inputs: ['dw'],
    attributes: ['slot'],
    sizes: ['n'],
    formula: 'squares[slot] ← Σ dw²',
    shapes({ squares, dw }, { slot }) {
      if (!(Number.isInteger(slot) && slot >= 0 && slot < sizeOf(squares))) {
        throw new ShapeError(
          `sumOfSquares: expected slot to be an integer below ${sizeOf(squares)}, got ${slot}`,
        );
      }
      return { outputs: {}, sizes: { n: sizeOf(dw) } };
    },
    terms: ({ n }) => n,
    reference: ({ squares, dw }, _, { slot }) => sumOfSquares(squares, dw, slot),
  }),

  clipFactor: defineOp({
    outputs: ['factor'],
    inputs: ['squares'],
    attributes: ['limit'],
    sizes: ['P'],
    formula: 'factor = min(1, limit / (√(Σ squares) + 10⁻⁶))',
    shapes: ({ squares }) => ({ outputs: { factor: [1] }, sizes: { P: sizeOf(squares) } }),
    terms: ({ P }) => P,
    reference: ({ factor, squares }, _, { limit }) => clipFactor(factor, squares, limit),
  }),

  scaleGradient: defineOp({
    updates: ['dw'],
    inputs: ['factor'],
    sizes: ['n'],
    formula: 'dw ← factor · dw',
    shapes({ dw, factor }) {
      expectShape('scaleGradient', 'factor', factor, [1]);
      return { outputs: {}, sizes: { n: sizeOf(dw) } };
    },
    terms: () => 1,
    reference: ({ dw, factor }) => scaleGradient(dw, factor),
  }),
});

export const gradientNormCases: OpCases<keyof typeof gradientNormOps> = {
  name: 'gradient-norm',
  magnitudes: {
    sumOfSquares: relative,
    clipFactor: relative,
    scaleGradient: relative,
  },
  draw(random) {
    const parameters = drawExtents(random, 3);
    return { kernels: [0.5, 2].map((limit) => gradientNormCase(random, parameters, limit)) };
  },
};

/**
 * @param parameterSizes number of elements of each parameter
 * @param limit roughly as a multiple of the norm of all gradients
 */
export function gradientNormCase(
  random: RandomStream,
  parameterSizes: readonly number[],
  limit: number,
): KernelDeclaration<keyof typeof gradientNormOps> {
  const elements = parameterSizes.reduce((sum, size) => sum + size, 0);
  const names = parameterSizes.map((_, slot) => `dw${slot}`);
  const gradients = parameterSizes.map(
    (size, slot) => [names[slot], reals(random, [size])] as const,
  );
  const squares = { shape: [names.length], data: new Float32Array(names.length) };
  type Call = CaseCall<keyof typeof gradientNormOps>;
  return {
    title: `gradient norm of (${parameterSizes.join('), (')})`,
    values: { ...Object.fromEntries(gradients), squares },
    calls: [
      ...names.map((dw, slot): Call => {
        return { op: 'sumOfSquares', tensors: { dw }, attributes: { slot } };
      }),
      { op: 'clipFactor', attributes: { limit: limit * Math.sqrt(elements) } },
      ...names.map((dw): Call => ({ op: 'scaleGradient', tensors: { dw } })),
    ],
  };
}
