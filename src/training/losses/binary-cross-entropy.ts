import { binaryCrossEntropyOps } from '../../ops/binary-cross-entropy.js';
import { expectNoMore } from '../../options.js';
import { binaryLoss } from './binary-loss.js';
import type { Loss } from './loss.js';

/**
 * Mean binary cross-entropy, for logits (B, 1) and labels (B) of 0 or 1. Derivation:
 * src/ops/binary-cross-entropy.ts.
 */
export function binaryCrossEntropy(...more: readonly []): Loss {
  expectNoMore('binaryCrossEntropy', '', more);
  const { binaryCrossEntropyForward, binaryCrossEntropyBackward } = binaryCrossEntropyOps;
  return binaryLoss('binaryCrossEntropy', binaryCrossEntropyForward, binaryCrossEntropyBackward);
}
