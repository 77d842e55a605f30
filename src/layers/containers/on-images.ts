import { expectInteger } from '../../checks.js';
import { type Description, describe } from '../../description.js';
import { ShapeError } from '../../errors.js';
import { imageLayoutOps } from '../../ops/image-layout.js';
import { expectOptions } from '../../options.js';
import type { Step } from '../../step.js';
import { formatShape, type Tensor } from '../../tensor.js';
import { expectGradient, expectLayer, type Forward, type Layer } from '../layer.js';
import { adopt } from '../parameters/ownership.js';
import type { LayerBuffer, Parameter } from '../parameters/parameter.js';

/** The image in each row of a dataset. */
export interface ImageShape {
  readonly channels: number;
  /** Height in pixels. */
  readonly height: number;
  /** Width in pixels. */
  readonly width: number;
}

/**
 * Passes the rows (B, channels·height·width) of a dataset to a model as images (B, H, W, C). A row
 * holds an image channel by channel, as in PyTorch, so this is the inverse of `flatten`. Parameters
 * keep the names that the model gave them. Derivation: src/ops/image-layout.ts.
 *
 * @param image shape of the image in each row
 * @param model a layer that takes images
 * @throws ShapeError when an extent is not a positive integer, or `model` already belongs to a model
 *   or a trainer
 * @example onImages({ channels: 1, height: 28, width: 28 }, sequential(flatten(), linear(784, 10)))
 */
export function onImages(image: ImageShape, model: Layer): Layer {
  return new OnImages(image, model);
}

class OnImages implements Layer {
  readonly description: Description;
  readonly input: { readonly features: number };
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #image: ImageShape;
  readonly #model: Layer;

  constructor(image: ImageShape, model: Layer) {
    const kinds = { channels: 'any', height: 'any', width: 'any' } as const;
    expectOptions('onImages', image, kinds, 'the image');
    const { channels, height, width } = image;
    expectInteger('onImages', 'channels', channels);
    expectInteger('onImages', 'height', height);
    expectInteger('onImages', 'width', width);
    expectLayer('onImages', 'the model', model);
    adopt('onImages', [{ layer: model, role: 'the model' }]);
    this.#image = { channels, height, width };
    this.#model = model;
    this.description = describe('onImages', {
      image: { channels, height, width },
      model: model.description,
    });
    this.input = { features: channels * height * width };
    this.parameters = model.parameters;
    this.buffers = model.buffers ?? [];
  }

  forward(step: Step, x: Tensor): Forward {
    const { channels, height, width } = this.#image;
    const { features } = this.input;
    const [B] = x.shape;
    if (x.shape.length !== 2 || x.shape[1] !== features) {
      throw new ShapeError(
        `onImages: expected input of shape (B, ${features}) for images of ${channels}·${height}·${width} numbers, got ${formatShape(x.shape)}`,
      );
    }
    const like = { y: [B, height, width, channels] };
    const { images } = step.call(imageLayoutOps.channelsLast, { x }, { like, as: { y: 'images' } });
    const { y, backward } = this.#model.forward(step, images);
    return {
      y,
      backward: (dy) => {
        const dimages = expectGradient(this.#model, backward(dy));
        step.nameGradient(dimages, images);
        return step.call(imageLayoutOps.channelsFirst, { x: dimages }, { as: { y: 'dx' } }).dx;
      },
    };
  }
}
