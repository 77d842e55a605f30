import { mnistLossOps } from '../../ops/mnist-loss.js';
import { expectNoMore } from '../../options.js';
import { binaryLoss } from './binary-loss.js';
import type { Loss } from './loss.js';

/**
 * Mean of 1 − σ(z) for label 1 and σ(z) for label 0, for logits z (B, 1). Derivation:
 * src/ops/mnist-loss.ts.
 */
export function mnistLoss(...more: readonly []): Loss {
  expectNoMore('mnistLoss', '', more);
  return binaryLoss('mnistLoss', mnistLossOps.mnistLossForward, mnistLossOps.mnistLossBackward);
}
