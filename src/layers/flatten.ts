import { describe } from '../description.js';
import { ShapeError } from '../errors.js';
import { imageLayoutOps } from '../ops/image-layout.js';
import { expectNoMore } from '../options.js';
import { formatShape } from '../tensor.js';
import type { Layer } from './layer.js';

/**
 * From images (B, H, W, C) to rows (B, C·H·W), in the order of PyTorch's `nn.Flatten`: channel by
 * channel. Rows (B, F) are returned unchanged. Derivation: src/ops/image-layout.ts.
 */
export function flatten(...more: readonly []): Layer {
  expectNoMore('flatten', '', more);
  return {
    description: describe('flatten'),
    input: 'any',
    parameters: [],
    forward(step, x) {
      if (x.shape.length === 2) return { y: x, backward: (dy) => dy };
      if (x.shape.length !== 4) {
        throw new ShapeError(
          `flatten: expected input of shape (B, H, W, C) or (B, F), got ${formatShape(x.shape)}`,
        );
      }
      const { y } = step.call(imageLayoutOps.channelsFirst, { x });
      return {
        y,
        backward: (dy) =>
          step.call(imageLayoutOps.channelsLast, { x: dy }, { like: { y: x }, as: { y: 'dx' } }).dx,
      };
    },
  };
}
