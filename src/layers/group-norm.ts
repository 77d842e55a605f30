import { expectInteger, expectNumber } from '../checks.js';
import { type Description, describe } from '../description.js';
import { ShapeError } from '../errors.js';
import { groupNormOps } from '../ops/group-norm.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Forward, Layer } from './layer.js';
import { ones, zeros } from './parameters/initializers.js';
import { Parameter } from './parameters/parameter.js';

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** ε, added to the variance; 1e-5 by default. */
  readonly epsilon?: number | undefined;
}

/**
 * Normalises each group of channels of each image to mean 0 and variance 1, then scales and shifts each
 * channel by learned parameters: y = γ (x − mean) / √(variance + ε) + β, for x of shape (B, …, C), such
 * as (B, H, W, C). It computes the same in training and evaluation, for batches of any size. Derivation:
 * src/ops/group-norm.ts.
 *
 * Parameters: weight γ and bias β, (channels).
 *
 * @param groups G, a divisor of `channels`; 1 normalises over the whole image
 * @param channels C
 * @throws ShapeError unless both are positive integers and `groups` divides `channels`, RangeError for
 *   an ε below 0
 * @example groupNorm(8, 64)
 */
export function groupNorm(groups: number, channels: number, options: GroupNormOptions = {}): Layer {
  return new GroupNorm(groups, channels, options);
}

class GroupNorm implements Layer {
  readonly description: Description;
  readonly input = 'any';
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #attributes: { readonly epsilon: number; readonly groups: number };

  constructor(groups: number, channels: number, options: GroupNormOptions) {
    expectOptions('groupNorm', options, { epsilon: 'any' });
    const { epsilon = 1e-5 } = options;
    expectInteger('groupNorm', 'groups', groups);
    expectInteger('groupNorm', 'channels', channels);
    expectNumber('groupNorm', 'epsilon', epsilon, 0);
    if (channels % groups !== 0) {
      throw new ShapeError(
        `groupNorm: expected channels to be a multiple of groups, got ${channels} and ${groups}`,
      );
    }
    this.description = describe('groupNorm', { groups, channels, ...options });
    this.#gamma = new Parameter('weight', [channels], { fanIn: 1, initializer: ones() });
    this.#beta = new Parameter('bias', [channels], { fanIn: 1, initializer: zeros() });
    this.#attributes = { epsilon, groups };
  }

  get parameters(): readonly Parameter[] {
    return [this.#gamma, this.#beta];
  }

  forward(step: Step, x: Tensor): Forward {
    const { tensor: gamma, gradient: dGamma } = this.#gamma;
    const { tensor: beta, gradient: dBeta } = this.#beta;
    const attributes = this.#attributes;
    const { y, mean, rstd } = step.call(
      groupNormOps.groupNormForward,
      { x, gamma, beta },
      { attributes },
    );
    return {
      y,
      backward(dy) {
        const saved = { dy, x, mean, rstd };
        step.call(groupNormOps.groupNormBackwardParameters, saved, { into: { dGamma, dBeta } });
        return step.call(groupNormOps.groupNormBackwardInput, { ...saved, gamma }).dx;
      },
    };
  }
}
