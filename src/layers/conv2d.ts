import { type Description, describe } from '../description.js';
import { conv2dOps } from '../ops/conv2d.js';
import type { Conv2dAttributes } from '../ops/conv2d-shape.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Forward, Layer } from './layer.js';
import {
  describeInitializer,
  type Initializer,
  kaimingUniform,
} from './parameters/initializers.js';
import { Parameter } from './parameters/parameter.js';
import {
  type Pixels,
  resolveConvolution,
  WINDOW_OPTIONS,
  type WindowOptions,
} from './window-options.js';

/** Options of `conv2d`. */
export interface Conv2dOptions extends WindowOptions {
  /** Whether each output channel has a bias; true by default. */
  readonly bias?: boolean | undefined;
  /** Initial values of weight and bias; PyTorch's by default. */
  readonly initializer?: Initializer | undefined;
}

/**
 * Convolution of images: from (B, H, W, inputs) to (B, OH, OW, outputs) with
 * OH = ⌊(H + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1, and OW in the same way. Derivation:
 * src/ops/conv2d.ts.
 *
 * Parameters: weight, (outputs, inputs/groups, KH, KW) in PyTorch's layout, and bias (outputs).
 *
 * @param inputs incoming channels, C
 * @param outputs outgoing channels, OC
 * @param kernel height and width of a window in pixels, KH and KW
 * @throws ShapeError for numbers that are not positive integers (padding: non-negative), or groups
 *   that do not divide the channels
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
  readonly description: Description;
  readonly input = 'images';
  readonly #attributes: Conv2dAttributes;
  readonly #weight: Parameter;
  readonly #bias: Parameter | undefined;

  constructor(inputs: number, outputs: number, kernel: Pixels, options: Conv2dOptions) {
    const kinds = { ...WINDOW_OPTIONS, bias: 'boolean', initializer: 'function' } as const;
    expectOptions('conv2d', options, kinds);
    const { weight, attributes } = resolveConvolution('conv2d', inputs, outputs, kernel, options);
    const [KH, KW, groupInputs] = weight;
    const { bias = true, initializer, ...window } = options;
    this.#attributes = attributes;
    this.description = describe('conv2d', {
      inputs,
      outputs,
      kernel,
      ...window,
      bias: options.bias,
      initializer: describeInitializer('conv2d', initializer),
    });
    const draw = {
      fanIn: KH * KW * groupInputs,
      initializer: initializer ?? kaimingUniform(),
    };
    this.#weight = new Parameter('weight', weight, { ...draw, pytorchAxes: [3, 2, 0, 1] });
    this.#bias = bias ? new Parameter('bias', [outputs], draw) : undefined;
  }

  get parameters(): readonly Parameter[] {
    return this.#bias ? [this.#weight, this.#bias] : [this.#weight];
  }

  forward(step: Step, x: Tensor): Forward {
    const attributes = this.#attributes;
    const { tensor: W, gradient: dW } = this.#weight;
    const bias = this.#bias;
    const { y } = bias
      ? step.call(conv2dOps.conv2dBiasForward, { x, W, b: bias.tensor }, { attributes })
      : step.call(conv2dOps.conv2dForward, { x, W }, { attributes });
    return {
      y,
      backward(dy) {
        step.call(conv2dOps.conv2dBackwardWeight, { x, dy }, { attributes, into: { dW } });
        if (bias) step.call(conv2dOps.conv2dBackwardBias, { dy }, { into: { db: bias.gradient } });
        return step.call(conv2dOps.conv2dBackwardInput, { dy, W }, { attributes, like: { dx: x } })
          .dx;
      },
    };
  }
}
