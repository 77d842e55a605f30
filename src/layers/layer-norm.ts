import { expectInteger, expectNumber } from '../checks.js';
import { type Description, describe } from '../description.js';
import { layerNormOps } from '../ops/layer-norm.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Forward, Layer } from './layer.js';
import { ones, zeros } from './parameters/initializers.js';
import { Parameter } from './parameters/parameter.js';

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** ε, added to the variance; 1e-5 by default. */
  readonly epsilon?: number | undefined;
}

/**
 * Normalises the features of each row to mean 0 and variance 1, then scales and shifts them by learned
 * parameters: y = γ (x − mean) / √(variance + ε) + β, for x of shape (…, features), with the mean and
 * variance of the last axis. It computes the same in training and evaluation. Derivation:
 * src/ops/layer-norm.ts.
 *
 * Parameters: weight γ and bias β, (features).
 *
 * @param features C, the extent of the last axis
 * @throws ShapeError unless `features` is a positive integer, RangeError for an ε below 0
 * @example layerNorm(64)
 */
export function layerNorm(features: number, options: LayerNormOptions = {}): Layer {
  return new LayerNorm(features, options);
}

class LayerNorm implements Layer {
  readonly description: Description;
  readonly input = 'any';
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #epsilon: number;

  constructor(features: number, options: LayerNormOptions) {
    expectOptions('layerNorm', options, { epsilon: 'any' });
    const { epsilon = 1e-5 } = options;
    expectInteger('layerNorm', 'features', features);
    expectNumber('layerNorm', 'epsilon', epsilon, 0);
    this.description = describe('layerNorm', { features, ...options });
    this.#gamma = new Parameter('weight', [features], { fanIn: 1, initializer: ones() });
    this.#beta = new Parameter('bias', [features], { fanIn: 1, initializer: zeros() });
    this.#epsilon = epsilon;
  }

  get parameters(): readonly Parameter[] {
    return [this.#gamma, this.#beta];
  }

  forward(step: Step, x: Tensor): Forward {
    const { tensor: gamma, gradient: dGamma } = this.#gamma;
    const { tensor: beta, gradient: dBeta } = this.#beta;
    const attributes = { epsilon: this.#epsilon };
    const { y, mean, rstd } = step.call(
      layerNormOps.layerNormForward,
      { x, gamma, beta },
      { attributes },
    );
    return {
      y,
      backward(dy) {
        const saved = { dy, x, mean, rstd };
        step.call(layerNormOps.layerNormBackwardParameters, saved, { into: { dGamma, dBeta } });
        return step.call(layerNormOps.layerNormBackwardInput, { ...saved, gamma }).dx;
      },
    };
  }
}
