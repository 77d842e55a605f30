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
import { sizeOf, type Values } from '../tensor.js';
import { defineOp, expectShape } from './types.js';

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
    outputs: ['squares'],
    inputs: ['dw'],
    attributes: ['slot'],
    formula: 'squares[p] = Σ dw²',
    sizes: ({ dw }) => [sizeOf(dw)],
    reference: ({ squares, dw }, _, { slot }) => sumOfSquares(squares, dw, slot),
  }),

  clipFactor: defineOp({
    outputs: ['factor'],
    inputs: ['squares'],
    attributes: ['limit'],
    formula: 'factor = min(1, limit / (√Σ squares + 10⁻⁶))',
    sizes({ factor, squares }) {
      expectShape('clipFactor', 'factor', factor, [1]);
      return [sizeOf(squares)];
    },
    reference: ({ factor, squares }, _, { limit }) => clipFactor(factor, squares, limit),
  }),

  scaleGradient: defineOp({
    outputs: ['dw'],
    inputs: ['factor'],
    formula: 'dw ← factor · dw',
    sizes({ dw, factor }) {
      expectShape('scaleGradient', 'factor', factor, [1]);
      return [sizeOf(dw)];
    },
    reference: ({ dw, factor }) => scaleGradient(dw, factor),
  }),
};
