import type { Description } from '../../description.js';
import { ShapeError } from '../../errors.js';
import type { Step } from '../../step.js';
import type { Tensor } from '../../tensor.js';

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

/** @throws ShapeError unless the output of the model is one number per example */
export function expectOneOutput(name: string, outputs: number): void {
  if (outputs !== 1) {
    throw new ShapeError(`${name}: expected a model output of shape (B, 1), got (B, ${outputs})`);
  }
}
