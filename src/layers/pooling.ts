import {
  expectMaxPoolWindow,
  expectWindow,
  type PoolingWindow,
  pooledShape,
} from '../ops/max-pool2d.js';
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

/**
 * The mean of each window, channel by channel: from images (B, H, W, C) to (B, OH, OW, C). Padding
 * counts as zeros. Derivation: src/ops/average-pool2d.ts.
 *
 * @param kernel the window's extents
 * @throws ShapeError for extents that are no integers, and padding beyond half the window
 */
export function averagePool2d(kernel: Pixels, options: PoolingOptions = {}): Layer {
  return new AveragePool2d(kernel, options);
}

/**
 * The mean of each channel over an image: from (B, H, W, C) to (B, C). Derivation:
 * src/ops/global-average-pool.ts.
 */
export function globalAveragePool(): Layer {
  return new GlobalAveragePool();
}

class MaxPool2d implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly takesImages = true;
  readonly parameters = [];
  readonly #window: PoolingWindow;
  #xShape!: Shape;
  #index!: Tensor;

  constructor(kernel: Pixels, options: PoolingOptions) {
    this.#window = windowOf('maxPool2d', kernel, options);
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

class AveragePool2d implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly takesImages = true;
  readonly parameters = [];
  readonly #window: PoolingWindow;
  #xShape!: Shape;

  constructor(kernel: Pixels, options: PoolingOptions) {
    this.#window = windowOf('averagePool2d', kernel, options);
    expectWindow('averagePool2d', this.#window);
    this.description = describeLayer('averagePool2d', [kernel], { ...options });
  }

  forward(step: Step, x: Tensor): Tensor {
    const y = step.activation('y', pooledShape('averagePool2d', x.shape, this.#window));
    step.call('averagePool2dForward', { y, x }, this.#window);
    this.#xShape = x.shape;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', this.#xShape);
    step.call('averagePool2dBackward', { dx, dy }, this.#window);
    return dx;
  }
}

class GlobalAveragePool implements Layer {
  readonly description = 'globalAveragePool()';
  readonly features = undefined;
  readonly takesImages = true;
  readonly parameters = [];
  #xShape!: Shape;

  forward(step: Step, x: Tensor): Tensor {
    const y = step.activation('y', [x.shape[0], x.shape[x.shape.length - 1]]);
    step.call('globalAveragePoolForward', { y, x });
    this.#xShape = x.shape;
    return y;
  }

  backward(step: Step, dy: Tensor): Tensor {
    const dx = step.activation('dx', this.#xShape);
    step.call('globalAveragePoolBackward', { dx, dy });
    return dx;
  }
}

function windowOf(
  operation: string,
  kernel: Pixels,
  { stride = kernel, padding = 0 }: PoolingOptions,
): PoolingWindow {
  const [kernelHeight, kernelWidth] = pairOf(operation, 'kernel', kernel);
  const [strideHeight, strideWidth] = pairOf(operation, 'stride', stride);
  const [paddingHeight, paddingWidth] = pairOf(operation, 'padding', padding);
  return { kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth };
}
