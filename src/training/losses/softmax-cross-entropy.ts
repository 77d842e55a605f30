import { describe } from '../../description.js';
import { ShapeError } from '../../errors.js';
import { softmaxCrossEntropyOps } from '../../ops/softmax-cross-entropy.js';
import { expectNoMore } from '../../options.js';
import type { Loss } from './loss.js';

/**
 * Mean cross-entropy of softmax(z), for logits z (B, C) with C ≥ 2, and labels (B) below C.
 * Derivation: src/ops/softmax-cross-entropy.ts.
 */
export function softmaxCrossEntropy(...more: readonly []): Loss {
  expectNoMore('softmaxCrossEntropy', '', more);
  return {
    description: describe('softmaxCrossEntropy'),
    targets: 'labels',
    reduction: 'mean',
    classes(outputs) {
      if (outputs < 2) {
        throw new ShapeError(
          `softmaxCrossEntropy: expected an output of at least 2 classes, got ${outputs}; use binaryCrossEntropy`,
        );
      }
      return outputs;
    },
    forward(step, z, t) {
      const { L, p } = step.call(softmaxCrossEntropyOps.softmaxCrossEntropyForward, { z, t });
      return {
        L,
        backward: () => step.call(softmaxCrossEntropyOps.softmaxCrossEntropyBackward, { p, t }).dz,
      };
    },
    predict: (step, z) => step.call(softmaxCrossEntropyOps.softmaxForward, { z }).p,
  };
}
