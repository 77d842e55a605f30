import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import { formatShape, type Shape, type Tensor } from '../tensor.js';
import type { Layer } from './layer.js';

/**
 * Images (B, H, W, C) to rows (B, C·H·W), channel by channel, as PyTorch's `nn.Flatten` orders them;
 * rows (B, F) stay as they are. Derivation: src/ops/flatten.ts.
 */
export function flatten(): Layer {
  return new Flatten();
}

class Flatten implements Layer {
  readonly description = 'flatten()';
  readonly features = undefined;
  readonly parameters = [];
  #shape!: Shape;

  forward(step: Step, x: Tensor): Tensor {
    this.#shape = x.shape;
    if (x.shape.length === 2) return x;
    if (x.shape.length !== 4) {
      throw new ShapeError(
        `flatten: expected input of shape (B, H, W, C) or (B, F), got ${formatShape(x.shape)}`,
      );
    }
    const [B, H, W, C] = x.shape;
    const y = step.activation('y', [B, C * H * W]);
    step.call('flattenForward', { y, x });
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    if (this.#shape.length === 2) return dy;
    const dx = step.activation('dx', this.#shape);
    step.call('flattenBackward', { dx, dy });
    return dx;
  }
}
