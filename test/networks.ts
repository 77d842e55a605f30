import { relu } from '../src/layers/activations/relu.js';
import { batchNorm2d } from '../src/layers/batch-norm.js';
import { type ImageShape, onImages } from '../src/layers/containers/on-images.js';
import { residual } from '../src/layers/containers/residual.js';
import { sequential } from '../src/layers/containers/sequential.js';
import { conv2d } from '../src/layers/conv2d.js';
import { flatten } from '../src/layers/flatten.js';
import type { Layer } from '../src/layers/layer.js';
import { linear } from '../src/layers/linear.js';
import { globalAveragePool } from '../src/layers/pooling.js';

/**
 * A small ResNet, from rows of images to 10 scores: a stem, a block that keeps the size of the image,
 * and one that halves it.
 */
export function residualNetwork(image: ImageShape): Layer {
  return onImages(
    image,
    sequential(
      ...[conv2d(image.channels, 4, 3, { padding: 1, bias: false }), batchNorm2d(4), relu()],
      ...[block(4, 4, 1), relu()],
      ...[block(4, 6, 2), relu()],
      // Only PyTorch needs flatten here.
      ...[globalAveragePool(), flatten(), linear(6, 10)],
    ),
  );
}

function block(inputs: number, outputs: number, stride: 1 | 2): Layer {
  const body = sequential(
    conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
    batchNorm2d(outputs),
    relu(),
    conv2d(outputs, outputs, 3, { padding: 1, bias: false }),
    batchNorm2d(outputs),
  );
  if (stride === 1) return residual(body);
  const halved = conv2d(inputs, outputs, 1, { stride, bias: false });
  return residual(body, sequential(halved, batchNorm2d(outputs)));
}
