import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { LayerBuffer, Parameter } from './parameter.js';

/**
 * A part of a model. `forward` appends the calls that compute its output; `backward`, written by
 * hand, appends those that turn the gradient of its output into the gradient of its input and of
 * its parameters. A step calls `forward` once and then `backward` at most once, so a layer may keep
 * between the two what backward reads.
 */
export interface Layer {
  /** What it is, for listings: `linear(784, 30)`. */
  readonly description: string;
  /** Numbers per example that it takes; undefined where any number will do, or it takes images. */
  readonly features: number | undefined;
  /** Whether it takes nothing but images (B, H, W, C): the features behind it are not those before. */
  readonly takesImages?: boolean;
  /** All that training changes, in PyTorch's order. */
  readonly parameters: readonly Parameter[];
  /** What training keeps beside them, such as running statistics; absent where there is nothing. */
  readonly buffers?: readonly LayerBuffer[];
  /** @throws ShapeError when it does not take inputs of this shape */
  forward(step: Step, x: Tensor): Tensor;
  backward(step: Step, dy: Tensor): Tensor;
}
