import { expectNegativeSlope } from '../ops/leaky-relu.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';

type Activation = 'relu' | 'sigmoid' | 'tanh';

/** y = max(x, 0). Derivation: src/ops/relu.ts. */
export function relu(): Layer {
  return new ElementWise('relu');
}

export interface LeakyReluOptions {
  /** Slope below zero, at least 0; 0.01 by default. */
  readonly negativeSlope?: number;
}

/**
 * y = x where x > 0, else negativeSlope · x. Derivation: src/ops/leaky-relu.ts.
 *
 * @throws RangeError unless the slope is finite and at least 0
 */
export function leakyRelu({ negativeSlope = 0.01 }: LeakyReluOptions = {}): Layer {
  return new LeakyRelu(negativeSlope);
}

/** y = x Φ(x), Φ the distribution function of the standard normal. Derivation: src/ops/gelu.ts. */
export function gelu(): Layer {
  return new Gelu();
}

/** y = 1 / (1 + e⁻ˣ). Derivation: src/ops/sigmoid.ts. */
export function sigmoid(): Layer {
  return new ElementWise('sigmoid');
}

/** y = tanh x. Derivation: src/ops/tanh.ts. */
export function tanh(): Layer {
  return new ElementWise('tanh');
}

/** A function of each element, whose backward reads its output. */
class ElementWise implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly parameters = [];
  readonly #activation: Activation;
  #y!: Tensor;

  constructor(activation: Activation) {
    this.#activation = activation;
    this.description = `${activation}()`;
  }

  forward(step: Step, x: Tensor): Tensor {
    const y = step.activation('y', x.shape);
    step.call(`${this.#activation}Forward`, { y, x });
    this.#y = y;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', dy.shape);
    step.call(`${this.#activation}Backward`, { dx, dy, y: this.#y });
    return dx;
  }
}

class LeakyRelu implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly parameters = [];
  readonly #attributes: { readonly negativeSlope: number };
  #y!: Tensor;

  constructor(negativeSlope: number) {
    expectNegativeSlope(negativeSlope);
    this.#attributes = { negativeSlope };
    this.description = `leakyRelu(${negativeSlope})`;
  }

  forward(step: Step, x: Tensor): Tensor {
    const y = step.activation('y', x.shape);
    step.call('leakyReluForward', { y, x }, this.#attributes);
    this.#y = y;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', dy.shape);
    step.call('leakyReluBackward', { dx, dy, y: this.#y }, this.#attributes);
    return dx;
  }
}

class Gelu implements Layer {
  readonly description = 'gelu()';
  readonly features = undefined;
  readonly parameters = [];
  #x!: Tensor;

  forward(step: Step, x: Tensor): Tensor {
    const y = step.activation('y', x.shape);
    step.call('geluForward', { y, x });
    this.#x = x;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', dy.shape);
    step.call('geluBackward', { dx, dy, x: this.#x });
    return dx;
  }
}
