import { describe } from '../../description.js';
import type { mnistLossOps } from '../../ops/mnist-loss.js';
import { sigmoidOps } from '../../ops/sigmoid.js';
import { expectOneOutput, type Loss } from './loss.js';

/** A loss on one logit per example, with labels 0 and 1. */
export function binaryLoss(
  name: string,
  forward: typeof mnistLossOps.mnistLossForward,
  backward: typeof mnistLossOps.mnistLossBackward,
): Loss {
  return {
    description: describe(name),
    targets: 'labels',
    reduction: 'mean',
    classes(outputs) {
      expectOneOutput(name, outputs);
      return 2;
    },
    forward(step, z, t) {
      const { L, p } = step.call(forward, { z, t });
      return { L, backward: () => step.call(backward, { p, t }).dz };
    },
    predict: (step, z) => step.call(sigmoidOps.sigmoidForward, { x: z }, { as: { y: 'p' } }).p,
  };
}
