import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';

/**
 * What training minimises. As with layers, `forward` appends the calls that compute the loss of a
 * batch and `backward`, called after it, those that compute the gradient of the model's output.
 */
export interface Loss {
  readonly name: string;
  /** Class numbers (`labels`), or one real number per example (`reals`). */
  readonly targets: 'labels' | 'reals';
  /** What the loss of several examples is of the losses of each. */
  readonly reduction: 'mean' | 'sum';
  /**
   * How many classes an output (B, O) tells apart; 0 for regression.
   *
   * @throws ShapeError when the loss does not take outputs of this width
   */
  classes(outputs: number): number;
  /** @returns the loss (1) of the batch */
  forward(step: Step, output: Tensor, targets: Tensor): Tensor;
  /** @returns the gradient of the loss with respect to `output` */
  backward(step: Step): Tensor;
  /** What a user wants to see of an output: probabilities, or for regression the output itself. */
  predict(step: Step, output: Tensor): Tensor;
}

/** Mean cross-entropy of softmax(output), for C classes. Derivation: src/ops/softmax-cross-entropy.ts. */
export function softmaxCrossEntropy(): Loss {
  let p: Tensor;
  let t: Tensor;
  return {
    name: 'softmaxCrossEntropy',
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
    forward(step, z, targets) {
      const L = step.activation('L', [1]);
      p = step.activation('p', z.shape);
      t = targets;
      step.call('softmaxCrossEntropyForward', { L, p, z, t });
      return L;
    },
    backward(step) {
      const dz = step.activation('dz', p.shape);
      step.call('softmaxCrossEntropyBackward', { dz, p, t });
      return dz;
    },
    predict(step, z) {
      const probabilities = step.activation('p', z.shape);
      step.call('softmaxForward', { p: probabilities, z });
      return probabilities;
    },
  };
}

/** Mean binary cross-entropy on logits (B, 1). Derivation: src/ops/binary-cross-entropy.ts. */
export function binaryCrossEntropy(): Loss {
  return binaryLoss('binaryCrossEntropy');
}

/** Mean of 1 − σ(z) for label 1 and σ(z) for label 0. Derivation: src/ops/mnist-loss.ts. */
export function mnistLoss(): Loss {
  return binaryLoss('mnistLoss');
}

function binaryLoss(name: 'binaryCrossEntropy' | 'mnistLoss'): Loss {
  let p: Tensor;
  let t: Tensor;
  return {
    name,
    targets: 'labels',
    reduction: 'mean',
    classes(outputs) {
      expectOneOutput(name, outputs);
      return 2;
    },
    forward(step, z, targets) {
      const L = step.activation('L', [1]);
      p = step.activation('p', z.shape);
      t = targets;
      step.call(`${name}Forward`, { L, p, z, t });
      return L;
    },
    backward(step) {
      const dz = step.activation('dz', p.shape);
      step.call(`${name}Backward`, { dz, p, t });
      return dz;
    },
    predict(step, z) {
      const y = step.activation('p', z.shape);
      step.call('sigmoidForward', { y, x: z });
      return y;
    },
  };
}

/**
 * Squared error for regression on one output. Derivation: src/ops/squared-error.ts.
 *
 * @param options.reduction `mean` over the batch (the default) or `sum`
 */
export function squaredError({
  reduction = 'mean',
}: {
  readonly reduction?: 'mean' | 'sum';
} = {}): Loss {
  let y: Tensor;
  let t: Tensor;
  const scale = () => (reduction === 'sum' ? 1 : 1 / y.size);
  return {
    name: reduction === 'sum' ? 'summedSquaredError' : 'meanSquaredError',
    targets: 'reals',
    reduction,
    classes(outputs) {
      expectOneOutput('squaredError', outputs);
      return 0;
    },
    forward(step, output, targets) {
      const L = step.activation('L', [1]);
      [y, t] = [output, targets];
      step.call('squaredErrorForward', { L, y, t }, { scale: scale() });
      return L;
    },
    backward(step) {
      const dy = step.activation('dy', y.shape);
      step.call('squaredErrorBackward', { dy, y, t }, { scale: scale() });
      return dy;
    },
    predict: (_step, output) => output,
  };
}

function expectOneOutput(name: string, outputs: number): void {
  if (outputs !== 1) {
    throw new ShapeError(`${name}: expected a model output of shape (B, 1), got (B, ${outputs})`);
  }
}
