/// <reference lib="esnext.disposable" preserve="true" />

import { expectLabels, expectLength, expectNumber } from '../checks.js';
import { Mutex } from '../mutex.js';
import { stateWords } from '../ops/step-state.js';
import type { Values } from '../tensor.js';
import {
  type Conv2dSizes,
  conv2d,
  conv2dBackwardBias,
  conv2dBackwardInput,
  conv2dBackwardWeight,
} from './convolution.js';
import type { BackendInfo, Device } from './device.js';
import { EagerOps, type Operand } from './eager.js';
import { expectSizes, operand, rows } from './operands.js';

/** Results: float32, or float64 from a float64 reference. */
export type Reals = Float32Array | Float64Array;

export interface MatmulSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** `a` is stored as (k, m). */
  readonly transposeA?: boolean;
  /** `b` is stored as (n, k). */
  readonly transposeB?: boolean;
}

type Activation = 'relu' | 'sigmoid' | 'tanh';

/** Sizes of a linear layer: B, I and O of the formulas. */
export interface LinearSizes {
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** A loss with everything that backward needs from it. */
export interface LossResult {
  /** Mean over the batch. */
  readonly loss: number;
  /** Same shape as the logits. */
  readonly probabilities: Reals;
  /** Gradient of the loss with respect to the logits, same shape. */
  readonly dlogits: Reals;
}

/**
 * A backend, and on it the numerical core: the kernels of the training step, one at a time, on
 * typed arrays. Matrices are row-major and dense. Inputs are checked for length and for finite
 * numbers; outputs are new arrays.
 *
 * One call copies its operands to the backend and its result back. A network that trains for long
 * is better off with `Trainer`, whose data stays where the kernels are.
 */
export class Backend {
  readonly #eager: EagerOps;
  readonly #mutex = new Mutex();

  /** @param device where the work is done; see `createBackend` */
  constructor(readonly device: Device) {
    this.#eager = new EagerOps(device);
  }

  get info(): BackendInfo {
    return this.device.info;
  }

  /** Runs `task` while nothing else of this backend runs, so that it can write, run and read. */
  exclusive<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#mutex.run(task);
  }

  /**
   * C = A·B.
   *
   * @param a (m, k), or (k, m) with `transposeA`
   * @param b (k, n), or (n, k) with `transposeB`
   * @returns (m, n)
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite
   * @example await backend.matmul([1, 2, 3, 4], [1, 0, 0, 1], { m: 2, n: 2, k: 2 }) // [1, 2, 3, 4]
   */
  async matmul(a: ArrayLike<number>, b: ArrayLike<number>, sizes: MatmulSizes): Promise<Reals> {
    const { m, n, k, transposeA = false, transposeB = false } = sizes;
    expectSizes('matmul', { m, n, k });
    const A = operand('matmul', 'a', a, transposeA ? [k, m] : [m, k], 'm·k');
    const B = operand('matmul', 'b', b, transposeB ? [n, k] : [k, n], 'k·n');
    const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
    const run = () => this.#eager.run('matmul', { A, B }, { C: [m, n] }, attributes);
    return reals((await this.exclusive(run)).C);
  }

  /**
   * y = x·W + b.
   *
   * @param x (batch, inputs)
   * @param W (inputs, outputs)
   * @param b (outputs)
   * @returns (batch, outputs)
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite
   */
  async linear(
    x: ArrayLike<number>,
    W: ArrayLike<number>,
    b: ArrayLike<number>,
    { batch, inputs, outputs }: LinearSizes,
  ): Promise<Reals> {
    expectSizes('linear', { batch, inputs, outputs });
    const operands = {
      x: operand('linear', 'x', x, [batch, inputs], 'batch·inputs'),
      W: operand('linear', 'W', W, [inputs, outputs], 'inputs·outputs'),
      b: operand('linear', 'b', b, [outputs], 'outputs'),
    };
    const y = [batch, outputs];
    return reals((await this.exclusive(() => this.#eager.run('linearForward', operands, { y }))).y);
  }

  /**
   * db = column sums of dy.
   *
   * @param dy (batch, outputs)
   * @returns (outputs)
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite
   */
  async linearBackwardBias(
    dy: ArrayLike<number>,
    { batch, outputs }: Omit<LinearSizes, 'inputs'>,
  ): Promise<Reals> {
    expectSizes('linearBackwardBias', { batch, outputs });
    const shape = [batch, outputs];
    const operands = { dy: operand('linearBackwardBias', 'dy', dy, shape, 'batch·outputs') };
    const run = () => this.#eager.run('linearBackwardBias', operands, { db: [outputs] });
    return reals((await this.exclusive(run)).db);
  }

  /**
   * y = x ∗ W, or x ∗ W + b: convolution of images whose channels come last. Its derivation, and
   * that of the gradients: src/ops/conv2d.ts.
   *
   * @param x (batch, height, width, inputs)
   * @param W (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @param b (outputs), or undefined for none
   * @param sizes.kernel one number, or [height, width]; so are stride (1 by default), padding (0)
   *   and dilation (1)
   * @param sizes.groups into which channels are cut, 1 by default
   * @returns (batch, outHeight, outWidth, outputs), where outHeight is
   *   ⌊(height + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1, and outWidth likewise
   * @throws ShapeError when a length does not fit or the kernel into the image, DataError for a
   *   number that is not finite
   * @example
   * const sizes = { batch: 1, height: 2, width: 3, inputs: 1, outputs: 1, kernel: 2 };
   * await backend.conv2d([1, 2, 3, 4, 5, 6], [1, 1, 1, 1], undefined, sizes) // [12, 16]
   */
  async conv2d(
    x: ArrayLike<number>,
    W: ArrayLike<number>,
    b: ArrayLike<number> | undefined,
    sizes: Conv2dSizes,
  ): Promise<Reals> {
    return reals(await this.exclusive(() => conv2d(this.#eager, x, W, b, sizes)));
  }

  /**
   * dx of `conv2d`, whose sizes this and the other gradients take.
   *
   * @param dy (batch, outHeight, outWidth, outputs)
   * @param W (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @returns (batch, height, width, inputs)
   * @throws ShapeError when a length does not fit or the kernel into the image, DataError for a
   *   number that is not finite
   */
  async conv2dBackwardInput(
    dy: ArrayLike<number>,
    W: ArrayLike<number>,
    sizes: Conv2dSizes,
  ): Promise<Reals> {
    const run = () => conv2dBackwardInput(this.#eager, dy, W, sizes);
    return reals(await this.exclusive(run));
  }

  /**
   * dW of `conv2d`.
   *
   * @param x (batch, height, width, inputs)
   * @param dy (batch, outHeight, outWidth, outputs)
   * @returns (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @throws ShapeError when a length does not fit or the kernel into the image, DataError for a
   *   number that is not finite
   */
  async conv2dBackwardWeight(
    x: ArrayLike<number>,
    dy: ArrayLike<number>,
    sizes: Conv2dSizes,
  ): Promise<Reals> {
    const run = () => conv2dBackwardWeight(this.#eager, x, dy, sizes);
    return reals(await this.exclusive(run));
  }

  /**
   * db of `conv2d`: sums of dy over all pixels of all images.
   *
   * @param dy (batch, outHeight, outWidth, outputs)
   * @returns (outputs)
   * @throws ShapeError when a length does not fit or the kernel into the image, DataError for a
   *   number that is not finite
   */
  async conv2dBackwardBias(dy: ArrayLike<number>, sizes: Conv2dSizes): Promise<Reals> {
    return reals(await this.exclusive(() => conv2dBackwardBias(this.#eager, dy, sizes)));
  }

  /**
   * max(x, 0), element by element; this and the other activations take any shape and keep it.
   *
   * @throws ShapeError for an empty array, DataError for a number that is not finite
   */
  async relu(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('relu', x);
  }

  /** dx = dy where y > 0, else 0; y is what `relu` returned. */
  async reluBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('relu', dy, y);
  }

  /** 1 / (1 + e⁻ˣ), element by element. */
  async sigmoid(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('sigmoid', x);
  }

  /** dx = dy · y (1 − y); y is what `sigmoid` returned. */
  async sigmoidBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('sigmoid', dy, y);
  }

  /** tanh x, element by element. */
  async tanh(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('tanh', x);
  }

  /** dx = dy (1 − y²); y is what `tanh` returned. */
  async tanhBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('tanh', dy, y);
  }

  /**
   * Softmax over each row.
   *
   * @param logits (batch, classes)
   * @returns probabilities (batch, classes)
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite
   */
  async softmax(
    logits: ArrayLike<number>,
    { classes }: { readonly classes: number },
  ): Promise<Reals> {
    const z = rows('softmax', logits, classes);
    const run = () => this.#eager.run('softmaxForward', { z }, { p: z.shape });
    return reals((await this.exclusive(run)).p);
  }

  /**
   * Mean cross-entropy of softmax(logits), with its gradient (p − onehot(labels)) / batch.
   *
   * @param logits (batch, classes)
   * @param labels (batch), integers below `classes`
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite or a
   *   label out of range
   */
  async softmaxCrossEntropy(
    logits: ArrayLike<number>,
    labels: ArrayLike<number>,
    { classes }: { readonly classes: number },
  ): Promise<LossResult> {
    const z = rows('softmaxCrossEntropy', logits, classes);
    return this.#loss('softmaxCrossEntropy', z, labels, classes);
  }

  /**
   * Mean binary cross-entropy on logits, with its gradient (p − labels) / batch.
   *
   * @param logits (batch)
   * @param labels (batch), 0 or 1
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite or a
   *   label that is neither
   */
  async binaryCrossEntropy(
    logits: ArrayLike<number>,
    labels: ArrayLike<number>,
  ): Promise<LossResult> {
    return this.#loss('binaryCrossEntropy', rows('binaryCrossEntropy', logits, 1), labels, 2);
  }

  /**
   * The "mnist loss": mean of 1 − σ(z) for label 1 and σ(z) for label 0, with its gradient.
   *
   * @param logits (batch)
   * @param labels (batch), 0 or 1
   * @throws ShapeError when a length does not fit, DataError for a number that is not finite or a
   *   label that is neither
   */
  async mnistLoss(logits: ArrayLike<number>, labels: ArrayLike<number>): Promise<LossResult> {
    return this.#loss('mnistLoss', rows('mnistLoss', logits, 1), labels, 2);
  }

  /**
   * Squared error, with its gradient 2 s (predictions − targets).
   *
   * @param predictions n numbers
   * @param targets n numbers
   * @param options.reduction `mean` (s = 1/n, the default) or `sum` (s = 1)
   * @returns the loss, and n numbers
   * @throws ShapeError when the lengths differ, DataError for a number that is not finite
   */
  async squaredError(
    predictions: ArrayLike<number>,
    targets: ArrayLike<number>,
    { reduction = 'mean' }: { readonly reduction?: 'mean' | 'sum' } = {},
  ): Promise<{ readonly loss: number; readonly dpredictions: Reals }> {
    const y = operand('squaredError', 'predictions', predictions, [predictions.length], 'n');
    const t = operand('squaredError', 'targets', targets, y.shape, 'n');
    const scale = reduction === 'sum' ? 1 : 1 / predictions.length;
    return this.exclusive(async () => {
      const { L } = await this.#eager.run('squaredErrorForward', { y, t }, { L: [1] }, { scale });
      const outputs = { dy: y.shape };
      const { dy } = await this.#eager.run('squaredErrorBackward', { y, t }, outputs, { scale });
      return { loss: L[0], dpredictions: reals(dy) };
    });
  }

  /**
   * One update of stochastic gradient descent: w − learningRate (dw + weightDecay w).
   *
   * @param w n numbers
   * @param dw n numbers, the gradient of the loss with respect to w
   * @returns n numbers, the new weights; `w` itself stays as it is
   * @throws ShapeError when the lengths differ, DataError for a number that is not finite, RangeError
   *   for a negative rate or decay
   */
  async sgd(
    w: ArrayLike<number>,
    dw: ArrayLike<number>,
    options: { readonly learningRate: number; readonly weightDecay?: number },
  ): Promise<Reals> {
    const { learningRate, weightDecay = 0 } = options;
    expectNumber('sgd', 'learningRate', learningRate, 0);
    expectNumber('sgd', 'weightDecay', weightDecay, 0);
    const state = stateWords(1, 0);
    const operands = {
      w: operand('sgd', 'w', w, [w.length], 'n'),
      dw: operand('sgd', 'dw', dw, [w.length], 'n'),
      schedule: { values: [learningRate], shape: [1] },
      state: { values: state, shape: [state.length], dtype: 'int32' },
    } as const;
    const run = () => this.#eager.run('sgdUpdate', operands, {}, { weightDecay });
    return reals((await this.exclusive(run)).w);
  }

  /** Ends the backend, when what is under way is done. Calling it again does nothing. */
  close(): Promise<void> {
    return this.exclusive(async () => {
      // Who waits for what has failed is told; a device that was closed is done.
      await this.device.finish().catch(() => {});
      await this.device.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #forward(activation: Activation, values: ArrayLike<number>): Promise<Reals> {
    const x = operand(activation, 'x', values, [values.length], 'n');
    const run = () => this.#eager.run(`${activation}Forward`, { x }, { y: x.shape });
    return reals((await this.exclusive(run)).y);
  }

  async #backward(
    activation: Activation,
    gradient: ArrayLike<number>,
    output: ArrayLike<number>,
  ): Promise<Reals> {
    const op = `${activation}Backward` as const;
    const y = operand(op, 'y', output, [output.length], 'n');
    const dy = operand(op, 'dy', gradient, y.shape, 'n');
    return reals((await this.exclusive(() => this.#eager.run(op, { dy, y }, { dx: y.shape }))).dx);
  }

  async #loss(
    loss: 'softmaxCrossEntropy' | 'binaryCrossEntropy' | 'mnistLoss',
    z: Operand,
    labels: ArrayLike<number>,
    classes: number,
  ): Promise<LossResult> {
    expectLength(loss, 'labels', labels, z.shape[0], 'batch');
    expectLabels(loss, labels, classes);
    const t: Operand = { values: labels, shape: [labels.length], dtype: 'int32' };
    return this.exclusive(async () => {
      const outputs = { L: [1], p: z.shape };
      const { L, p } = await this.#eager.run(`${loss}Forward`, { z, t }, outputs);
      const probabilities: Operand = { values: p, shape: z.shape };
      const { dz } = await this.#eager.run(
        `${loss}Backward`,
        { p: probabilities, t },
        { dz: z.shape },
      );
      return { loss: L[0], probabilities: reals(p), dlogits: reals(dz) };
    });
  }
}

function reals(values: Values): Reals {
  return values as Reals;
}
