/**
 * Gradient clipping by global norm: if all gradients together are longer than the limit, they are
 * scaled down to it, which keeps their direction.
 *
 *   dw (any shape), one per parameter    squares (P), one entry per parameter    factor (1)
 *
 *   sumOfSquares    squares[p] = Σ dw²
 *   clipFactor      ‖g‖ = √ Σₚ squares[p],  factor = min(1, limit / (‖g‖ + 10⁻⁶))
 *   scaleGradient   dw ← factor · dw
 *
 * The 10⁻⁶ is PyTorch's (clip_grad_norm_): it keeps the quotient finite for a zero gradient.
 *
 * Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
 * ICML 2013.
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

export function sumOfSquares(squares: Values, dw: Values, slot: number): void {
  let sum = 0;
  for (let i = 0; i < dw.length; i++) sum += dw[i] * dw[i];
  squares[slot] = sum;
}

export function clipFactor(factor: Values, squares: Values, limit: number): void {
  let sum = 0;
  for (let p = 0; p < squares.length; p++) sum += squares[p];
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
    formula: 'squares[p] ← Σ dw²',
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
    formula: 'factor = min(1, limit / (√Σ squares + 10⁻⁶))',
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
 * @param parameterSizes elements of each parameter
 * @param limit as a multiple of the gradients' norm, about
 */
export function gradientNormCase(
  random: RandomStream,
  parameterSizes: readonly number[],
  limit: number,
): KernelDeclaration<keyof typeof gradientNormOps> {
  const elements = parameterSizes.reduce((sum, size) => sum + size, 0);
  const names = parameterSizes.map((_, p) => `dw${p}`);
  const gradients = parameterSizes.map((size, p) => [names[p], reals(random, [size])] as const);
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
