import type { Description } from '../description.js';
import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { LayerBuffer, Parameter } from './parameter.js';

/**
 * What a layer takes.
 *
 *   { features }   rows (B, features)
 *   'images'       images (B, H, W, C)
 *   'tokens'       integers
 *   'any'          anything; features behind the layer are those before it
 */
export type LayerInput = { readonly features: number } | 'images' | 'tokens' | 'any';

/** What a layer appended to a step. */
export interface Forward {
  /** Its output. */
  readonly y: Tensor;
  /**
   * Appends the calls that compute the gradients of its parameters and of its input. What they need
   * from forward is in the closure. Call it once at most.
   *
   * @param dy gradient of the loss with respect to y
   * @returns the gradient with respect to x, or undefined where x is not differentiable (integers)
   */
  backward(dy: Tensor): Tensor | undefined;
}

/**
 * A part of a model. `forward` appends the calls that compute its output, and returns the function
 * that appends its backward calls, which is written by hand directly below them. A layer keeps nothing
 * of a step, so several steps do not interfere.
 *
 * @example
 * const relu: Layer = {
 *   description: { name: 'relu', options: {} },
 *   input: 'any',
 *   parameters: [],
 *   forward(step, x) {
 *     const { y } = step.call('reluForward', { x });
 *     return { y, backward: (dy) => step.call('reluBackward', { dy, y }).dx };
 *   },
 * };
 */
export interface Layer {
  /** The call that makes it, as plain data: `{ name: 'linear', options: { inputs: 784, … } }`. */
  readonly description: Description;
  readonly input: LayerInput;
  /** All that training changes, in PyTorch's order. */
  readonly parameters: readonly Parameter[];
  /** Further tensors that training changes and that are saved, such as running statistics. */
  readonly buffers?: readonly LayerBuffer[];
  /** @throws ShapeError when it does not take inputs of this shape */
  forward(step: Step, x: Tensor): Forward;
}

/**
 * The gradient that a layer returned, where there has to be one.
 *
 * @throws ShapeError when it returned none
 */
export function expectGradient(layer: Layer, dx: Tensor | undefined): Tensor {
  if (dx) return dx;
  throw new ShapeError(
    `${layer.description.name}: expected a layer that passes gradients on, got one that takes integers; put it first`,
  );
}
