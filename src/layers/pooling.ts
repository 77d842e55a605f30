import { describe } from '../description.js';
import { averagePool2dOps } from '../ops/average-pool2d.js';
import { globalAveragePoolOps } from '../ops/global-average-pool.js';
import { expectMaxPoolWindow, maxPool2dOps } from '../ops/max-pool2d.js';
import { expectWindow, type PoolingWindow, windowOf } from '../ops/pooling-window.js';
import { expectNoMore, expectOptions } from '../options.js';
import type { Layer } from './layer.js';
import { type Pixels, pairOf } from './window-options.js';

/** Options of pooling layers. */
export interface PoolingOptions {
  /** Pixels from one window to the next; by default the window's size, so that windows do not overlap. */
  readonly stride?: Pixels | undefined;
  /** Pixels of padding on each side of the image; 0 by default. Max pooling ignores them. */
  readonly padding?: Pixels | undefined;
}

/**
 * The largest number of each window, channel by channel: from images (B, H, W, C) to (B, OH, OW, C),
 * with OH = ⌊(H + 2 padding − kernel) / stride⌋ + 1, and OW in the same way. Derivation:
 * src/ops/max-pool2d.ts.
 *
 * @param kernel height and width of a window in pixels
 * @throws ShapeError for sizes that are not positive integers, windows of more than 256 pixels, or padding
 *   beyond half the window
 * @example maxPool2d(3, { stride: 2, padding: 1 })
 */
export function maxPool2d(kernel: Pixels, options: PoolingOptions = {}): Layer {
  const attributes = checkedWindow('maxPool2d', kernel, options);
  expectMaxPoolWindow(attributes);
  return {
    description: describe('maxPool2d', { kernel, ...options }),
    input: 'images',
    parameters: [],
    forward(step, x) {
      const { y, index } = step.call(maxPool2dOps.maxPool2dForward, { x }, { attributes });
      return {
        y,
        backward: (dy) =>
          step.call(maxPool2dOps.maxPool2dBackward, { dy, index }, { attributes, like: { dx: x } })
            .dx,
      };
    },
  };
}

/**
 * The mean of each window, channel by channel: from images (B, H, W, C) to (B, OH, OW, C), of the same
 * extents as with `maxPool2d`. Padding counts as zeros. Derivation: src/ops/average-pool2d.ts.
 *
 * @param kernel height and width of a window in pixels
 * @throws ShapeError for sizes that are not positive integers, or padding beyond half the window
 * @example averagePool2d(2)
 */
export function averagePool2d(kernel: Pixels, options: PoolingOptions = {}): Layer {
  const attributes = checkedWindow('averagePool2d', kernel, options);
  expectWindow('averagePool2d', attributes);
  return {
    description: describe('averagePool2d', { kernel, ...options }),
    input: 'images',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(averagePool2dOps.averagePool2dForward, { x }, { attributes });
      return {
        y,
        backward: (dy) =>
          step.call(averagePool2dOps.averagePool2dBackward, { dy }, { attributes, like: { dx: x } })
            .dx,
      };
    },
  };
}

/**
 * The mean of each channel over an image: from (B, H, W, C) to (B, C). Derivation:
 * src/ops/global-average-pool.ts.
 */
export function globalAveragePool(...more: readonly []): Layer {
  expectNoMore('globalAveragePool', '', more);
  return {
    description: describe('globalAveragePool'),
    input: 'images',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(globalAveragePoolOps.globalAveragePoolForward, { x });
      return {
        y,
        backward: (dy) =>
          step.call(globalAveragePoolOps.globalAveragePoolBackward, { dy }, { like: { dx: x } }).dx,
      };
    },
  };
}

function checkedWindow(operation: string, kernel: Pixels, options: PoolingOptions): PoolingWindow {
  expectOptions(operation, options, { stride: 'any', padding: 'any' });
  const { stride = kernel, padding = 0 } = options;
  return windowOf({
    kernel: pairOf(operation, 'kernel', kernel),
    stride: pairOf(operation, 'stride', stride),
    padding: pairOf(operation, 'padding', padding),
  });
}
