import type { Description } from '../description.js';
import { ShapeError, shown } from '../errors.js';
import { expectMade } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { LayerBuffer, Parameter } from './parameters/parameter.js';

/**
 * The input that a layer accepts.
 *
 *   { features }   rows (B, features)
 *   'images'       images (B, H, W, C)
 *   'tokens'       integers
 *   'any'          no restriction; in a model, the next layer decides
 */
export type LayerInput = { readonly features: number } | 'images' | 'tokens' | 'any';

/** The output of a layer, and the function that appends its backward calls. */
export interface Forward {
  /** The output. */
  readonly y: Tensor;
  /**
   * Appends the calls that compute the gradients with respect to parameters and input. Tensors that
   * forward saved are in the closure. Call it at most once.
   *
   * @param dy gradient of the loss with respect to y
   * @returns the gradient with respect to x, or undefined if x is not differentiable (integers)
   */
  backward(dy: Tensor): Tensor | undefined;
}

/**
 * A part of a model. `forward` appends the calls that compute the output, and returns the function
 * that appends the backward calls. Both are written by hand, one directly below the other. A layer
 * stores nothing about a step, so several steps do not interfere.
 *
 * @example
 * const relu: Layer = {
 *   description: { name: 'relu', options: {} },
 *   input: 'any',
 *   parameters: [],
 *   forward(step, x) {
 *     const { y } = step.call(reluOps.reluForward, { x });
 *     return { y, backward: (dy) => step.call(reluOps.reluBackward, { dy, y }).dx };
 *   },
 * };
 */
export interface Layer {
  /** The call that makes it, as plain data: `{ name: 'linear', options: { inputs: 784, … } }`. */
  readonly description: Description;
  /** The input that `forward` accepts. */
  readonly input: LayerInput;
  /** Parameters that training updates, in PyTorch's order. */
  readonly parameters: readonly Parameter[];
  /** Tensors without a gradient that training changes and saves, such as running statistics. */
  readonly buffers?: readonly LayerBuffer[];
  /**
   * Appends the calls that compute the output.
   *
   * @throws ShapeError for inputs of a shape that the layer does not accept
   */
  forward(step: Step, x: Tensor): Forward;
}

/**
 * @param role its place in the model, for messages: `layer 2`
 * @throws TypeError for a value that is not a layer, such as a function that was not called
 */
export function expectLayer(operation: string, role: string, layer: unknown): void {
  expectMade(operation, role, layer, 'forward', 'a layer such as linear(784, 10) or sequential(…)');
  const { parameters, description } = layer as Partial<Layer>;
  if (Array.isArray(parameters) && typeof description === 'object') return;
  throw new TypeError(
    `${operation}: expected ${role} to have parameters and a description, got ${shown(layer)} without`,
  );
}

/**
 * The gradient that a layer returned, which must exist unless the layer is the first.
 *
 * @throws ShapeError when the layer returned none
 */
export function expectGradient(layer: Layer, dx: Tensor | undefined): Tensor {
  if (dx) return dx;
  throw new ShapeError(
    `${layer.description.name}: expected a layer that passes gradients on, got one that takes integers; put it first`,
  );
}
