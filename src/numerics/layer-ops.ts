import { expectOptions, type Kinds } from '../options.js';
import { Calls, type Reals, reals } from './calls.js';
import { type Conv2dSizes, convolutionOf } from './conv2d-shapes.js';
import { expectSizes, listOperand, operand } from './operands.js';

/** Sizes of a matrix product C = A·B. */
export interface MatmulSizes {
  /** Rows of A and C. */
  readonly m: number;
  /** Columns of B and C. */
  readonly n: number;
  /** Columns of A, rows of B. */
  readonly k: number;
  /** Whether `a` is stored as (k, m); false by default. */
  readonly transposeA?: boolean | undefined;
  /** Whether `b` is stored as (n, k); false by default. */
  readonly transposeB?: boolean | undefined;
}

/** Sizes of a linear layer: B, I and O of src/ops/linear.ts. */
export interface LinearSizes {
  /** Number of examples, B. */
  readonly batch: number;
  /** Features of an incoming example, I. */
  readonly inputs: number;
  /** Features of an outgoing example, O. */
  readonly outputs: number;
}

const LINEAR_SIZES: Kinds<LinearSizes> = { batch: 'any', inputs: 'any', outputs: 'any' };

type Activation = 'relu' | 'sigmoid' | 'tanh';

/** Matrix products, layers and activations on arrays. */
export class LayerOps extends Calls {
  /**
   * C = A·B. Derivation: src/ops/matmul.ts.
   *
   * @param a (m, k), or (k, m) with `transposeA`
   * @param b (k, n), or (n, k) with `transposeB`
   * @returns (m, n)
   * @throws ShapeError for a wrong length, DataError for a number that is not finite
   * @example await backend.matmul([1, 2, 3, 4], [1, 0, 0, 1], { m: 2, n: 2, k: 2 }) // [1, 2, 3, 4]
   */
  async matmul(a: ArrayLike<number>, b: ArrayLike<number>, sizes: MatmulSizes): Promise<Reals> {
    expectOptions(
      'matmul',
      sizes,
      { m: 'any', n: 'any', k: 'any', transposeA: 'boolean', transposeB: 'boolean' },
      'the sizes',
    );
    const { m, n, k, transposeA = false, transposeB = false } = sizes;
    expectSizes('matmul', { m, n, k });
    const A = operand('matmul', 'a', a, transposeA ? [k, m] : [m, k], 'm·k');
    const B = operand('matmul', 'b', b, transposeB ? [n, k] : [k, n], 'k·n');
    const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
    return reals((await this.call('matmul', { A, B }, { attributes })).C);
  }

  /**
   * y = x·W + b. Derivation: src/ops/linear.ts.
   *
   * @param x (batch, inputs)
   * @param W (inputs, outputs)
   * @param b (outputs)
   * @returns (batch, outputs)
   * @throws ShapeError for a wrong length, DataError for a number that is not finite
   */
  async linear(
    x: ArrayLike<number>,
    W: ArrayLike<number>,
    b: ArrayLike<number>,
    sizes: LinearSizes,
  ): Promise<Reals> {
    expectOptions('linear', sizes, LINEAR_SIZES, 'the sizes');
    const { batch, inputs, outputs } = sizes;
    expectSizes('linear', { batch, inputs, outputs });
    const operands = {
      x: operand('linear', 'x', x, [batch, inputs], 'batch·inputs'),
      W: operand('linear', 'W', W, [inputs, outputs], 'inputs·outputs'),
      b: operand('linear', 'b', b, [outputs], 'outputs'),
    };
    return reals((await this.call('linearForward', operands)).y);
  }

  /**
   * Gradient of `linear` with respect to b: db = column sums of dy.
   *
   * @param dy (batch, outputs)
   * @returns (outputs)
   * @throws ShapeError for a wrong length, DataError for a number that is not finite
   */
  async linearBackwardBias(
    dy: ArrayLike<number>,
    sizes: Omit<LinearSizes, 'inputs'>,
  ): Promise<Reals> {
    expectOptions('linearBackwardBias', sizes as LinearSizes, LINEAR_SIZES, 'the sizes');
    const { batch, outputs } = sizes;
    expectSizes('linearBackwardBias', { batch, outputs });
    const shape = [batch, outputs];
    const operands = { dy: operand('linearBackwardBias', 'dy', dy, shape, 'batch·outputs') };
    return reals((await this.call('linearBackwardBias', operands)).db);
  }

  /**
   * Convolution of images, channels last: y = x ∗ W + b. Derivation: src/ops/conv2d.ts.
   *
   * @param x (batch, height, width, inputs)
   * @param W (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @param b (outputs), or undefined for no bias
   * @param sizes.kernel one number or [height, width], as are stride (1 by default), padding (0) and
   *   dilation (1)
   * @param sizes.groups number of groups that channels are split into; 1 by default
   * @returns (batch, outHeight, outWidth, outputs), where outHeight =
   *   ⌊(height + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1, and outWidth in the same way
   * @throws ShapeError for a wrong length, or a kernel larger than the padded image; DataError for a
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
    const { attributes, operand } = convolutionOf('conv2d', sizes);
    const inputs = { x: operand('x', x), W: operand('W', W) };
    const { y } = b
      ? await this.call('conv2dBiasForward', { ...inputs, b: operand('b', b) }, { attributes })
      : await this.call('conv2dForward', inputs, { attributes });
    return reals(y);
  }

  /**
   * Gradient of `conv2d` with respect to x; `sizes` are those of `conv2d`.
   *
   * @param dy (batch, outHeight, outWidth, outputs)
   * @param W (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @returns (batch, height, width, inputs)
   * @throws ShapeError for a wrong length, or a kernel larger than the padded image; DataError for a
   *   number that is not finite
   */
  async conv2dBackwardInput(
    dy: ArrayLike<number>,
    W: ArrayLike<number>,
    sizes: Conv2dSizes,
  ): Promise<Reals> {
    const { shapes, attributes, operand } = convolutionOf('conv2dBackwardInput', sizes);
    const inputs = { dy: operand('dy', dy), W: operand('W', W) };
    const options = { attributes, like: { dx: shapes.x } };
    return reals((await this.call('conv2dBackwardInput', inputs, options)).dx);
  }

  /**
   * Gradient of `conv2d` with respect to W.
   *
   * @param x (batch, height, width, inputs)
   * @param dy (batch, outHeight, outWidth, outputs)
   * @returns (kernelHeight, kernelWidth, inputs/groups, outputs)
   * @throws ShapeError for a wrong length, or a kernel larger than the padded image; DataError for a
   *   number that is not finite
   */
  async conv2dBackwardWeight(
    x: ArrayLike<number>,
    dy: ArrayLike<number>,
    sizes: Conv2dSizes,
  ): Promise<Reals> {
    const { shapes, attributes, operand } = convolutionOf('conv2dBackwardWeight', sizes);
    const inputs = { x: operand('x', x), dy: operand('dy', dy) };
    const options = { attributes, like: { dW: shapes.W } };
    return reals((await this.call('conv2dBackwardWeight', inputs, options)).dW);
  }

  /**
   * Gradient of `conv2d` with respect to b: the sums of dy over all pixels of all images.
   *
   * @param dy (batch, outHeight, outWidth, outputs)
   * @returns (outputs)
   * @throws ShapeError for a wrong length, or a kernel larger than the padded image; DataError for a
   *   number that is not finite
   */
  async conv2dBackwardBias(dy: ArrayLike<number>, sizes: Conv2dSizes): Promise<Reals> {
    const { operand } = convolutionOf('conv2dBackwardBias', sizes);
    return reals((await this.call('conv2dBackwardBias', { dy: operand('dy', dy) })).db);
  }

  /**
   * max(x, 0), element by element.
   *
   * @param x numbers of any shape
   * @returns the same number of results
   * @throws ShapeError for an empty array, DataError for a number that is not finite
   */
  async relu(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('relu', x);
  }

  /** dx = dy where y > 0, else 0. `y` is the result of `relu`; throws as `relu` does. */
  async reluBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('relu', dy, y);
  }

  /** 1 / (1 + e⁻ˣ), element by element; throws as `relu` does. */
  async sigmoid(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('sigmoid', x);
  }

  /** dx = dy · y (1 − y). `y` is the result of `sigmoid`; throws as `relu` does. */
  async sigmoidBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('sigmoid', dy, y);
  }

  /** tanh x, element by element; throws as `relu` does. */
  async tanh(x: ArrayLike<number>): Promise<Reals> {
    return this.#forward('tanh', x);
  }

  /** dx = dy (1 − y²). `y` is the result of `tanh`; throws as `relu` does. */
  async tanhBackward(dy: ArrayLike<number>, y: ArrayLike<number>): Promise<Reals> {
    return this.#backward('tanh', dy, y);
  }

  async #forward(activation: Activation, values: ArrayLike<number>): Promise<Reals> {
    const x = listOperand(activation, 'x', values);
    return reals((await this.call(`${activation}Forward`, { x })).y);
  }

  async #backward(
    activation: Activation,
    gradient: ArrayLike<number>,
    output: ArrayLike<number>,
  ): Promise<Reals> {
    const op = `${activation}Backward` as const;
    const y = listOperand(op, 'y', output);
    const dy = operand(op, 'dy', gradient, y.shape, 'n');
    return reals((await this.call(op, { dy, y })).dx);
  }
}
