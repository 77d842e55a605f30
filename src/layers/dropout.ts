import { describe } from '../description.js';
import { dropoutOps, expectDropProbability } from '../ops/dropout.js';
import { expectNoMore } from '../options.js';
import { STREAMS } from '../random/threefry.js';
import type { Layer } from './layer.js';

/**
 * Sets each number to zero with probability p in training, and divides the others by 1 − p;
 * evaluation and prediction return x unchanged. Derivation: src/ops/dropout.ts.
 *
 * Each dropout layer draws a new mask in every update. Masks depend only on the seed of the trainer,
 * the place of the layer in the model and the number of the update.
 *
 * @param p probability that a number is dropped, rounded to a multiple of 2⁻¹⁶
 * @throws RangeError unless 0 ≤ p < 1
 * @example dropout(0.5)
 */
export function dropout(p: number, ...more: readonly []): Layer {
  expectNoMore('dropout', ' after p', more);
  expectDropProbability(p);
  return {
    description: describe('dropout', { p }),
    input: 'any',
    parameters: [],
    forward(step, x) {
      if (!step.training) return { y: x, backward: (dy) => dy };
      const { seed, state } = step.training;
      const attributes = { seed, stream: STREAMS.dropout + step.nextDropout(), p };
      const { y } = step.call(dropoutOps.dropoutForward, { x, state }, { attributes });
      return {
        y,
        backward: (dy) => step.call(dropoutOps.dropoutBackward, { dy, state }, { attributes }).dx,
      };
    },
  };
}
