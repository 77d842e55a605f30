import { type DropoutAttributes, expectDropProbability } from '../ops/dropout.js';
import { STREAMS } from '../random/threefry.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';

/**
 * Sets each number to zero with probability p while a model is trained, and divides the others by
 * 1 − p; evaluation and prediction leave it out. Derivation: src/ops/dropout.ts.
 *
 * Every dropout of a model and every update have masks of their own, which follow from the trainer's
 * seed.
 *
 * @param p probability that a number is dropped, rounded to a multiple of 2⁻¹⁶
 * @throws RangeError unless p is from 0 to below 1
 */
export function dropout(p: number): Layer {
  return new Dropout(p);
}

class Dropout implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly parameters = [];
  readonly #p: number;
  /** What the step's masks follow from; absent where nothing is dropped. */
  #masks: { readonly state: Tensor; readonly attributes: DropoutAttributes } | undefined;

  constructor(p: number) {
    expectDropProbability(p);
    this.#p = p;
    this.description = `dropout(${p})`;
  }

  forward(step: Step, x: Tensor): Tensor {
    this.#masks = undefined;
    if (!step.training) return x;
    const { seed, state } = step.training;
    const attributes = { seed, stream: STREAMS.dropout + step.nextDropout(), p: this.#p };
    const y = step.activation('y', x.shape);
    step.call('dropoutForward', { y, x, state }, attributes);
    this.#masks = { state, attributes };
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    if (!this.#masks) return dy;
    const { state, attributes } = this.#masks;
    const dx = step.activation('dx', dy.shape);
    step.call('dropoutBackward', { dx, dy, state }, attributes);
    return dx;
  }
}
