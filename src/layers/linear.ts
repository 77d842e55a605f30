import { expectInteger } from '../checks.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { type Initializer, kaimingUniform, Parameter } from './parameter.js';

export interface LinearOptions {
  /** First values of weight and bias; PyTorch's by default. */
  readonly initializer?: Initializer;
}

/**
 * y = x·W + b, from (B, inputs) to (B, outputs). Derivation: src/ops/linear.ts.
 *
 * @param inputs features of an example that comes in, I
 * @param outputs features that go out, O
 * @throws ShapeError when either is not a positive integer
 */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Layer {
  return new Linear(inputs, outputs, options.initializer ?? kaimingUniform());
}

class Linear implements Layer {
  readonly description: string;
  readonly features: number;
  readonly #weight: Parameter;
  readonly #bias: Parameter;
  #x!: Tensor;

  constructor(inputs: number, outputs: number, initializer: Initializer) {
    expectInteger('linear', 'inputs', inputs);
    expectInteger('linear', 'outputs', outputs);
    this.features = inputs;
    this.description = `linear(${inputs}, ${outputs})`;
    const options = { fanIn: inputs, initializer };
    this.#weight = new Parameter('weight', [inputs, outputs], { ...options, pytorchAxes: [1, 0] });
    this.#bias = new Parameter('bias', [outputs], options);
  }

  get parameters(): readonly Parameter[] {
    return [this.#weight, this.#bias];
  }

  forward(step: Step, x: Tensor): Tensor {
    const [W, b] = [this.#weight.tensor, this.#bias.tensor];
    const y = step.activation('y', [x.shape[0], W.shape[1]]);
    step.call('linearForward', { y, x, W, b });
    this.#x = x;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const [x, W] = [this.#x, this.#weight.tensor];
    const dx = step.activation('dx', x.shape);
    step.call('linearBackwardWeight', { dW: this.#weight.gradient, x, dy });
    step.call('linearBackwardBias', { db: this.#bias.gradient, dy });
    step.call('linearBackwardInput', { dx, dy, W });
    return dx;
  }
}
