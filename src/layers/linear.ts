import { expectInteger } from '../checks.js';
import { type Description, describe } from '../description.js';
import { linearOps } from '../ops/linear.js';
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

/** Options of `linear`. */
export interface LinearOptions {
  /** Initial values of weight and bias; PyTorch's by default. */
  readonly initializer?: Initializer | undefined;
}

/**
 * y = x·W + b, from (B, inputs) to (B, outputs). Derivation: src/ops/linear.ts.
 *
 * Parameters: weight, (outputs, inputs) in PyTorch's layout, and bias (outputs).
 *
 * @param inputs features of an incoming example, I
 * @param outputs features of an outgoing example, O
 * @throws ShapeError unless both are positive integers
 * @example linear(784, 30)
 */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Layer {
  return new Linear(inputs, outputs, options);
}

class Linear implements Layer {
  readonly description: Description;
  readonly input: { readonly features: number };
  readonly #weight: Parameter;
  readonly #bias: Parameter;

  constructor(inputs: number, outputs: number, options: LinearOptions) {
    expectInteger('linear', 'inputs', inputs);
    expectInteger('linear', 'outputs', outputs);
    expectOptions('linear', options, { initializer: 'function' });
    const { initializer } = options;
    this.input = { features: inputs };
    this.description = describe('linear', {
      inputs,
      outputs,
      initializer: describeInitializer('linear', initializer),
    });
    const draw = { fanIn: inputs, initializer: initializer ?? kaimingUniform() };
    this.#weight = new Parameter('weight', [inputs, outputs], { ...draw, pytorchAxes: [1, 0] });
    this.#bias = new Parameter('bias', [outputs], draw);
  }

  get parameters(): readonly Parameter[] {
    return [this.#weight, this.#bias];
  }

  forward(step: Step, x: Tensor): Forward {
    const { tensor: W, gradient: dW } = this.#weight;
    const { tensor: b, gradient: db } = this.#bias;
    const { y } = step.call(linearOps.linearForward, { x, W, b });
    return {
      y,
      backward(dy) {
        step.call(linearOps.linearBackwardWeight, { x, dy }, { into: { dW } });
        step.call(linearOps.linearBackwardBias, { dy }, { into: { db } });
        return step.call(linearOps.linearBackwardInput, { dy, W }).dx;
      },
    };
  }
}
