import {
  type Builders,
  buildFrom,
  type Description,
  describe,
  withoutOptions,
} from '../description.js';
import { ShapeError } from '../errors.js';
import { binaryCrossEntropyOps } from '../ops/binary-cross-entropy.js';
import { mnistLossOps } from '../ops/mnist-loss.js';
import { sigmoidOps } from '../ops/sigmoid.js';
import { softmaxCrossEntropyOps } from '../ops/softmax-cross-entropy.js';
import { squaredErrorOps } from '../ops/squared-error.js';
import { expectNoMore, expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';

/** The loss of a batch, and the function that appends its backward calls. */
export interface LossForward {
  /** The loss of the batch, (1). */
  readonly L: Tensor;
  /**
   * Appends the calls that compute the gradient of L with respect to the output of the model, and
   * returns that gradient. Call it at most once.
   */
  backward(): Tensor;
}

/** The function that training minimises. */
export interface Loss {
  /** The call that makes it, as plain data. */
  readonly description: Description;
  /** Kind of targets: class numbers (`labels`), or one real number per example (`reals`). */
  readonly targets: 'labels' | 'reals';
  /** How the losses of the examples combine into the loss of a batch. */
  readonly reduction: 'mean' | 'sum';
  /**
   * Number of classes that an output (B, O) distinguishes; 0 for regression.
   *
   * @param outputs O
   * @throws ShapeError when the loss does not accept outputs of this width
   */
  classes(outputs: number): number;
  /**
   * Appends the calls that compute the loss.
   *
   * @param output of the model, (B, O)
   * @param targets (B) labels, or (B, 1) reals
   */
  forward(step: Step, output: Tensor, targets: Tensor): LossForward;
  /** Appends the calls that compute predictions: probabilities, or for regression the outputs. */
  predict(step: Step, output: Tensor): Tensor;
}

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

/**
 * Mean binary cross-entropy, for logits (B, 1) and labels (B) of 0 or 1. Derivation:
 * src/ops/binary-cross-entropy.ts.
 */
export function binaryCrossEntropy(...more: readonly []): Loss {
  expectNoMore('binaryCrossEntropy', '', more);
  const { binaryCrossEntropyForward, binaryCrossEntropyBackward } = binaryCrossEntropyOps;
  return binaryLoss('binaryCrossEntropy', binaryCrossEntropyForward, binaryCrossEntropyBackward);
}

/**
 * Mean of 1 − σ(z) for label 1 and σ(z) for label 0, for logits z (B, 1). Derivation:
 * src/ops/mnist-loss.ts.
 */
export function mnistLoss(...more: readonly []): Loss {
  expectNoMore('mnistLoss', '', more);
  return binaryLoss('mnistLoss', mnistLossOps.mnistLossForward, mnistLossOps.mnistLossBackward);
}

function binaryLoss(
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

/** Options of `squaredError`. */
export interface SquaredErrorOptions {
  /** `mean` (the default) or `sum` over the batch. */
  readonly reduction?: 'mean' | 'sum' | undefined;
}

/**
 * Squared error for regression: the mean or the sum of (y − t)², for outputs y (B, 1) and real targets
 * t (B, 1). Derivation: src/ops/squared-error.ts.
 *
 * @example squaredError({ reduction: 'sum' })
 */
export function squaredError(options: SquaredErrorOptions = {}): Loss {
  expectOptions('squaredError', options, { reduction: ['mean', 'sum'] });
  const { reduction = 'mean' } = options;
  return {
    description: describe('squaredError', { ...options }),
    targets: 'reals',
    reduction,
    classes(outputs) {
      expectOneOutput('squaredError', outputs);
      return 0;
    },
    forward(step, y, t) {
      const attributes = { scale: reduction === 'sum' ? 1 : 1 / y.size };
      const { L } = step.call(squaredErrorOps.squaredErrorForward, { y, t }, { attributes });
      return {
        L,
        backward: () =>
          step.call(squaredErrorOps.squaredErrorBackward, { y, t }, { attributes }).dy,
      };
    },
    predict: (_step, output) => output,
  };
}

function expectOneOutput(name: string, outputs: number): void {
  if (outputs !== 1) {
    throw new ShapeError(`${name}: expected a model output of shape (B, 1), got (B, ${outputs})`);
  }
}

const LOSSES: Builders<Loss> = {
  binaryCrossEntropy: withoutOptions('binaryCrossEntropy', binaryCrossEntropy),
  mnistLoss: withoutOptions('mnistLoss', mnistLoss),
  softmaxCrossEntropy: withoutOptions('softmaxCrossEntropy', softmaxCrossEntropy),
  squaredError,
};

/**
 * Builds a loss from its description.
 *
 * @throws DataError for a loss that is not of this library
 * @example lossFrom(JSON.parse(JSON.stringify(loss.description)))
 */
export function lossFrom(description: Description): Loss {
  return buildFrom('loss', LOSSES, description);
}
