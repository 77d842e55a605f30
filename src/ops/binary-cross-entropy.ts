/**
 * Binary cross-entropy on logits.
 *
 *   z (B, 1) logits    t (B) targets, 0 or 1    p, dz (B, 1)    L (1)
 *
 *   p[n] = σ(z[n])
 *   L = −(1/B) Σₙ ( t log p + (1 − t) log(1 − p) )
 *
 * On logits. With log p = −log(1 + e⁻ᶻ) and log(1 − p) = −z − log(1 + e⁻ᶻ), one example costs
 *
 *   ℓ = t log(1 + e⁻ᶻ) + (1 − t)(z + log(1 + e⁻ᶻ)) = (1 − t) z + log(1 + e⁻ᶻ)
 *
 * and with log(1 + e⁻ᶻ) = max(−z, 0) + log(1 + e^−|z|), which overflows for no z,
 *
 *   ℓ = max(z, 0) − t z + log(1 + e^−|z|)
 *
 * Backward, from the form (1 − t) z + log(1 + e⁻ᶻ):
 *
 *   ∂ℓ/∂z = 1 − t − e⁻ᶻ / (1 + e⁻ᶻ) = 1 − t − (1 − p) = p − t
 *   dz = (p − t) / B
 *
 * Saved for backward: p.
 *
 * Kernels: assembly/binary-cross-entropy.ts, shaders/binary-cross-entropy.wgsl
 */
import type { Values } from '../tensor.js';
import { sigmoid } from './sigmoid.js';
import { binarySizes, defineOp, expectShape } from './types.js';

export function binaryCrossEntropyForward(
  L: Values,
  p: Values,
  z: Values,
  t: Values,
  [B]: readonly number[],
): void {
  let sum = 0;
  for (let n = 0; n < B; n++) {
    p[n] = sigmoid(z[n]);
    sum += Math.max(z[n], 0) - t[n] * z[n] + Math.log1p(Math.exp(-Math.abs(z[n])));
  }
  L[0] = sum / B;
}

export function binaryCrossEntropyBackward(
  dz: Values,
  p: Values,
  t: Values,
  [B]: readonly number[],
): void {
  for (let n = 0; n < B; n++) dz[n] = (p[n] - t[n]) / B;
}

export const binaryCrossEntropyOps = {
  binaryCrossEntropyForward: defineOp({
    outputs: ['L', 'p'],
    inputs: ['z', 't'],
    formula: 'p = σ(z), L = (1/B) Σₙ max(z, 0) − t z + log(1 + e^−|z|)',
    sizes({ L, p, z, t }) {
      expectShape('binaryCrossEntropy', 'L', L, [1]);
      return binarySizes('binaryCrossEntropy', z, p, t);
    },
    reference: ({ L, p, z, t }, sizes) => binaryCrossEntropyForward(L, p, z, t, sizes),
  }),

  binaryCrossEntropyBackward: defineOp({
    outputs: ['dz'],
    inputs: ['p', 't'],
    formula: 'dz = (p − t) / B',
    sizes: ({ dz, p, t }) => binarySizes('binaryCrossEntropy', dz, p, t),
    reference: ({ dz, p, t }, sizes) => binaryCrossEntropyBackward(dz, p, t, sizes),
  }),
};
