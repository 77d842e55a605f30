import { expectInteger } from '../checks.js';
import { type Description, describe } from '../description.js';
import { embeddingOps } from '../ops/embedding.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Forward, Layer } from './layer.js';
import { describeInitializer, type Initializer, normal } from './parameters/initializers.js';
import { Parameter } from './parameters/parameter.js';

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** Initial values of the table; by default PyTorch's, standard normal numbers. */
  readonly initializer?: Initializer | undefined;
}

/**
 * Looks up a row of a learned table for each integer: y[n] = W[x[n]], from integers (B) or (B, T) to
 * vectors (B, features) or (B, T, features). Derivation: src/ops/embedding.ts.
 *
 * Integers have no gradient, so the layer must be the first of a model.
 *
 * Parameter: weight W, (count, features).
 *
 * @param count V, the rows of the table: integers are from 0 to count − 1
 * @param features D, the numbers in a row
 * @throws ShapeError unless both are positive integers
 * @example embedding(65, 32)
 */
export function embedding(count: number, features: number, options: EmbeddingOptions = {}): Layer {
  expectInteger('embedding', 'count', count);
  expectInteger('embedding', 'features', features);
  expectOptions('embedding', options, { initializer: 'function' });
  return new Embedding(count, features, options.initializer);
}

class Embedding implements Layer {
  readonly description: Description;
  readonly input = 'tokens';
  readonly #weight: Parameter;

  constructor(count: number, features: number, initializer: Initializer | undefined) {
    this.description = describe('embedding', {
      count,
      features,
      initializer: describeInitializer('embedding', initializer),
    });
    this.#weight = new Parameter('weight', [count, features], {
      fanIn: features,
      initializer: initializer ?? normal(),
    });
  }

  get parameters(): readonly Parameter[] {
    return [this.#weight];
  }

  forward(step: Step, x: Tensor): Forward {
    const { tensor: W, gradient: dW } = this.#weight;
    const { y } = step.call(embeddingOps.embeddingForward, { t: x, W });
    return {
      y,
      backward(dy) {
        step.call(embeddingOps.embeddingBackward, { dy, t: x }, { into: { dW } });
        return undefined;
      },
    };
  }
}
