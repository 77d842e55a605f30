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
import { defineOp } from './define-op.js';
import { expectShape } from './shape-checks.js';

/** squares[slot] = Σ dw², for dw of any shape. */
export function sumOfSquares(squares: Values, dw: Values, slot: number): void {
  let sum = 0;
  for (let i = 0; i < dw.length; i++) sum += dw[i] * dw[i];
  squares[slot] = sum;
}

/** factor (1) of squares (P). */
export function clipFactor(factor: Values, squares: Values, limit: number): void {
  let sum = 0;
  for (let slot = 0; slot < squares.length; slot++) sum += squares[slot];
  factor[0] = Math.min(1, limit / (Math.sqrt(sum) + 1e-6));
}

export function scaleGradient(dw: Values, factor: Values): void {
  for (let i = 0; i < dw.length; i++) dw[i] *= factor[0];
}

export const gradientNormOps = {
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
};

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
