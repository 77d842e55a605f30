import { type Conv2dAttributes, conv2dShape } from '../ops/conv2d.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import { convolutionOf, type WindowOptions } from './convolution.js';
import type { Layer } from './layer.js';
import { type Initializer, kaimingUniform, Parameter } from './parameter.js';
import { describeLayer, type Pixels } from './pixels.js';

export interface Conv2dOptions extends WindowOptions {
  /** Whether a bias is added to each channel; true by default. */
  readonly bias?: boolean;
  /** First values of weight and bias; PyTorch's by default. */
  readonly initializer?: Initializer;
}

/**
 * Convolution of images: from (B, H, W, inputs) to (B, OH, OW, outputs). Derivation:
 * src/ops/conv2d.ts. Its weight is (OC, C/G, KH, KW) in PyTorch's layout.
 *
 * @param inputs channels that come in, C
 * @param outputs channels that go out, OC
 * @param kernel taps of a window, KH and KW
 * @throws ShapeError for numbers that are no positive integers (no negative ones, for padding), or
 *   groups that do not divide the channels
 * @example conv2d(1, 32, 3, { padding: 1 })
 */
export function conv2d(
  inputs: number,
  outputs: number,
  kernel: Pixels,
  options: Conv2dOptions = {},
): Layer {
  return new Conv2d(inputs, outputs, kernel, options);
}

class Conv2d implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly takesImages = true;
  readonly #attributes: Conv2dAttributes;
  readonly #weight: Parameter;
  readonly #bias: Parameter | undefined;
  #x!: Tensor;

  constructor(inputs: number, outputs: number, kernel: Pixels, options: Conv2dOptions) {
    const { weight, attributes } = convolutionOf('conv2d', inputs, outputs, kernel, options);
    const [KH, KW, groupInputs] = weight;
    this.#attributes = attributes;
    const { initializer, ...described } = options;
    this.description = describeLayer('conv2d', [inputs, outputs, kernel], described);
    const draw = {
      fanIn: KH * KW * groupInputs,
      initializer: initializer ?? kaimingUniform(),
    };
    this.#weight = new Parameter('weight', weight, { ...draw, pytorchAxes: [3, 2, 0, 1] });
    const { bias = true } = options;
    this.#bias = bias ? new Parameter('bias', [outputs], draw) : undefined;
  }

  get parameters(): readonly Parameter[] {
    return this.#bias ? [this.#weight, this.#bias] : [this.#weight];
  }

  forward(step: Step, x: Tensor): Tensor {
    const W = this.#weight.tensor;
    const y = step.activation('y', conv2dShape(x.shape, W.shape, this.#attributes));
    if (this.#bias) {
      step.call('conv2dBiasForward', { y, x, W, b: this.#bias.tensor }, this.#attributes);
    } else {
      step.call('conv2dForward', { y, x, W }, this.#attributes);
    }
    this.#x = x;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const [x, W] = [this.#x, this.#weight.tensor];
    const dx = step.activation('dx', x.shape);
    step.call('conv2dBackwardWeight', { dW: this.#weight.gradient, x, dy }, this.#attributes);
    if (this.#bias) step.call('conv2dBackwardBias', { db: this.#bias.gradient, dy });
    step.call('conv2dBackwardInput', { dx, dy, W }, this.#attributes);
    return dx;
  }
}
