import { expectLabels, expectLength, expectNumber } from '../checks.js';
import { stateWords } from '../ops/step-state.js';
import { expectOptions } from '../options.js';
import { type Reals, reals } from './calls.js';
import { LayerOps } from './layer-ops.js';
import { listOperand, logitRows, type Operand, operand } from './operands.js';

/** A loss with its gradient. */
export interface LossResult {
  /** Mean over the batch. */
  readonly loss: number;
  /** Probabilities, in the shape of the logits. */
  readonly probabilities: Reals;
  /** Gradient of the loss with respect to the logits, in their shape. */
  readonly dlogits: Reals;
}

/** The single ops of a backend. They load when the first one is called. */
export class SingleOps extends LayerOps {
  /**
   * Softmax of each row: p = exp(z) / Σ exp(z).
   *
   * @param logits z, (batch, classes)
   * @returns probabilities (batch, classes)
   * @throws ShapeError for a wrong length, DataError for a number that is not finite
   */
  async softmax(logits: ArrayLike<number>, sizes: { readonly classes: number }): Promise<Reals> {
    const z = logitRows('softmax', logits, classesOf('softmax', sizes));
    return reals((await this.call('softmaxForward', { z })).p);
  }

  /**
   * Mean cross-entropy of softmax(logits), with its gradient (p − onehot(labels)) / batch.
   *
   * @param logits (batch, classes)
   * @param labels (batch), integers below `classes`
   * @throws ShapeError for a wrong length, DataError for a number that is not finite or a label out of
   *   range
   * @example await backend.softmaxCrossEntropy([0, 0], [1], { classes: 2 }) // loss: ln 2
   */
  async softmaxCrossEntropy(
    logits: ArrayLike<number>,
    labels: ArrayLike<number>,
    sizes: { readonly classes: number },
  ): Promise<LossResult> {
    const classes = classesOf('softmaxCrossEntropy', sizes);
    const z = logitRows('softmaxCrossEntropy', logits, classes);
    return this.#loss('softmaxCrossEntropy', z, labels, classes);
  }

  /**
   * Mean binary cross-entropy on logits, with its gradient (p − labels) / batch.
   *
   * @param logits (batch)
   * @param labels (batch), 0 or 1
   * @throws ShapeError for a wrong length, DataError for a number that is not finite or a label out of
   *   range
   */
  async binaryCrossEntropy(
    logits: ArrayLike<number>,
    labels: ArrayLike<number>,
  ): Promise<LossResult> {
    return this.#loss('binaryCrossEntropy', logitRows('binaryCrossEntropy', logits, 1), labels, 2);
  }

  /**
   * The "mnist loss": mean of 1 − σ(z) for label 1 and σ(z) for label 0, with its gradient.
   *
   * @param logits (batch)
   * @param labels (batch), 0 or 1
   * @throws ShapeError for a wrong length, DataError for a number that is not finite or a label out of
   *   range
   */
  async mnistLoss(logits: ArrayLike<number>, labels: ArrayLike<number>): Promise<LossResult> {
    return this.#loss('mnistLoss', logitRows('mnistLoss', logits, 1), labels, 2);
  }

  /**
   * Squared error s Σ (predictions − targets)², with its gradient 2 s (predictions − targets).
   *
   * @param predictions n numbers
   * @param targets n numbers
   * @param options.reduction `mean` (s = 1/n, the default) or `sum` (s = 1)
   * @returns the loss, and its gradient with respect to predictions: n numbers
   * @throws ShapeError when the lengths differ, DataError for a number that is not finite
   */
  async squaredError(
    predictions: ArrayLike<number>,
    targets: ArrayLike<number>,
    options: { readonly reduction?: 'mean' | 'sum' | undefined } = {},
  ): Promise<{ readonly loss: number; readonly dpredictions: Reals }> {
    expectOptions('squaredError', options, { reduction: ['mean', 'sum'] });
    const { reduction = 'mean' } = options;
    const y = listOperand('squaredError', 'predictions', predictions);
    const t = operand('squaredError', 'targets', targets, y.shape, 'n');
    const attributes = { scale: reduction === 'sum' ? 1 : 1 / predictions.length };
    const { L } = await this.call('squaredErrorForward', { y, t }, { attributes });
    const { dy } = await this.call('squaredErrorBackward', { y, t }, { attributes });
    return { loss: L.data[0], dpredictions: reals(dy) };
  }

  /**
   * One update of stochastic gradient descent: w − learningRate (dw + weightDecay w).
   *
   * @param w weights, n numbers; they stay unchanged
   * @param dw gradient of the loss with respect to w, n numbers
   * @param options.learningRate at least 0
   * @param options.weightDecay at least 0; 0 by default
   * @returns the new weights, n numbers
   * @throws ShapeError when the lengths differ, DataError for a number that is not finite, RangeError
   *   for a negative rate or decay
   */
  async sgd(
    w: ArrayLike<number>,
    dw: ArrayLike<number>,
    options: { readonly learningRate: number; readonly weightDecay?: number | undefined },
  ): Promise<Reals> {
    expectOptions('sgd', options, { learningRate: 'any', weightDecay: 'any' });
    const { learningRate, weightDecay = 0 } = options;
    expectNumber('sgd', 'learningRate', learningRate, 0);
    expectNumber('sgd', 'weightDecay', weightDecay, 0);
    const state = stateWords(1, 0);
    const operands = {
      w: listOperand('sgd', 'w', w),
      dw: operand('sgd', 'dw', dw, [w.length], 'n'),
      schedule: { shape: [1], data: [learningRate] },
      state: { shape: [state.length], data: state },
    };
    return reals((await this.call('sgdUpdate', operands, { attributes: { weightDecay } })).w);
  }

  async #loss(
    loss: 'softmaxCrossEntropy' | 'binaryCrossEntropy' | 'mnistLoss',
    z: Operand,
    labels: ArrayLike<number>,
    classes: number,
  ): Promise<LossResult> {
    expectLength(loss, 'labels', labels, z.shape[0], 'batch');
    const t = { shape: [labels.length], data: expectLabels(loss, labels, classes) };
    const { L, p } = await this.call(`${loss}Forward`, { z, t });
    const { dz } = await this.call(`${loss}Backward`, { p, t });
    return { loss: L.data[0], probabilities: reals(p), dlogits: reals(dz) };
  }
}

function classesOf(operation: string, sizes: { readonly classes: number }): number {
  expectOptions(operation, sizes, { classes: 'any' }, 'the sizes');
  return sizes.classes;
}
