import { expectInteger } from '../checks.js';
import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import { formatShape, type Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { adopt } from './ownership.js';
import type { LayerBuffer, Parameter } from './parameter.js';

/** What the rows of a dataset are images of. */
export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Hands the rows (B, channels·height·width) of a dataset to a model as images (B, H, W, C). In a row,
 * as PyTorch has them, an image comes channel by channel; so this is what `flatten` undoes.
 * Parameters keep the names that the model gave them.
 *
 * @throws ShapeError when an extent is not a positive integer, or when a model or a trainer has
 *   `model` already
 * @example onImages({ channels: 1, height: 28, width: 28 }, sequential(flatten(), linear(784, 10)))
 */
export function onImages(image: ImageShape, model: Layer): Layer {
  return new OnImages(image, model);
}

class OnImages implements Layer {
  readonly description: string;
  readonly features: number;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #image: ImageShape;
  readonly #model: Layer;

  constructor({ channels, height, width }: ImageShape, model: Layer) {
    expectInteger('onImages', 'channels', channels);
    expectInteger('onImages', 'height', height);
    expectInteger('onImages', 'width', width);
    adopt('onImages', [{ layer: model, role: 'the model' }]);
    this.#image = { channels, height, width };
    this.#model = model;
    this.description = `onImages(${channels}, ${height}, ${width}), ${model.description}`;
    this.features = channels * height * width;
    this.parameters = model.parameters;
    this.buffers = model.buffers ?? [];
  }

  forward(step: Step, x: Tensor): Tensor {
    const { channels, height, width } = this.#image;
    const [B] = x.shape;
    if (x.shape.length !== 2 || x.shape[1] !== this.features) {
      throw new ShapeError(
        `onImages: expected input of shape (B, ${this.features}) for images of ${channels}·${height}·${width} numbers, got ${formatShape(x.shape)}`,
      );
    }
    const images = step.activation('images', [B, height, width, channels]);
    step.call('flattenBackward', { dx: images, dy: x });
    return this.#model.forward(step, images);
  }

  /** The inverse of a permutation is its gradient, so what forward undid, backward does. */
  backward(step: Step, dy: Tensor): Tensor {
    const dimages = this.#model.backward(step, dy);
    const dx = step.activation('dx', [dy.shape[0], this.features]);
    step.call('flattenForward', { y: dx, x: dimages });
    return dx;
  }
}
