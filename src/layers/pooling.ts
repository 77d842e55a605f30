import { expectMaxPoolWindow, type PoolingWindow, pooledShape } from '../ops/max-pool2d.js';
import type { Step } from '../step.js';
import type { Shape, Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { describeLayer, type Pixels, pairOf } from './pixels.js';

export interface PoolingOptions {
  /** How far one window is from the next; as large as the window by default, so that none overlap. */
  readonly stride?: Pixels;
  /** Pixels around the image, 0 by default. */
  readonly padding?: Pixels;
}

/**
 * The largest number of each window, channel by channel: from images (B, H, W, C) to
 * (B, OH, OW, C). Derivation: src/ops/max-pool2d.ts.
 *
 * @param kernel the window's extents
 * @throws ShapeError for extents that are no integers, windows of more than 256 pixels, and padding
 *   beyond half the window
 * @example maxPool2d(3, { stride: 2, padding: 1 })
 */
export function maxPool2d(kernel: Pixels, options: PoolingOptions = {}): Layer {
  return new MaxPool2d(kernel, options);
}

class MaxPool2d implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly parameters = [];
  readonly #window: PoolingWindow;
  #xShape!: Shape;
  #index!: Tensor;

  constructor(kernel: Pixels, options: PoolingOptions) {
    this.#window = windowOf(kernel, options);
    expectMaxPoolWindow(this.#window);
    this.description = describeLayer('maxPool2d', [kernel], { ...options });
  }

  forward(step: Step, x: Tensor): Tensor {
    const shape = pooledShape('maxPool2d', x.shape, this.#window);
    const y = step.activation('y', shape);
    const index = step.activation('index', shape, 'uint8');
    step.call('maxPool2dForward', { y, index, x }, this.#window);
    this.#xShape = x.shape;
    this.#index = index;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', this.#xShape);
    step.call('maxPool2dBackward', { dx, dy, index: this.#index }, this.#window);
    return dx;
  }
}

function windowOf(kernel: Pixels, { stride = kernel, padding = 0 }: PoolingOptions): PoolingWindow {
  const [kernelHeight, kernelWidth] = pairOf(kernel);
  const [strideHeight, strideWidth] = pairOf(stride);
  const [paddingHeight, paddingWidth] = pairOf(padding);
  return { kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth };
}
