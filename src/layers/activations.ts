import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';

type Activation = 'relu' | 'sigmoid' | 'tanh';

/** y = max(x, 0). Derivation: src/ops/relu.ts. */
export function relu(): Layer {
  return new ElementWise('relu');
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
