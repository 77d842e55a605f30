import { expectInteger } from '../../checks.js';
import { describe } from '../../description.js';
import { expectOptions } from '../../options.js';
import { relu } from '../activations/relu.js';
import { batchNorm2d } from '../batch-norm.js';
import { conv2d } from '../conv2d.js';
import type { Layer } from '../layer.js';
import { linear } from '../linear.js';
import { globalAveragePool, maxPool2d } from '../pooling.js';
import { residual } from './residual.js';
import { describedSequential, sequential } from './sequential.js';

/** Options of `resnet18`. */
export interface ResNetOptions {
  /** Channels of the images; 3 by default. */
  readonly channels?: number | undefined;
  /** Outputs per image; 1000 by default. */
  readonly classes?: number | undefined;
}

/**
 * ResNet-18: from images (B, H, W, channels) to (B, classes).
 *
 *   stem       convolution 7 × 7 with stride 2, batch norm, ReLU, max pooling 3 × 3 with stride 2
 *   stages     four, of two residual blocks each, with 64, 128, 256 and 512 channels; all but the
 *              first halve the image
 *   head       mean over the image, linear
 *
 * Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016; with the
 * strides and paddings of torchvision.
 *
 * @throws ShapeError unless both options are positive integers
 * @example onImages({ channels: 1, height: 28, width: 28 }, resnet18({ channels: 1, classes: 10 }))
 */
export function resnet18(options: ResNetOptions = {}): Layer {
  expectOptions('resnet18', options, { channels: 'any', classes: 'any' });
  const { channels = 3, classes = 1000 } = options;
  expectInteger('resnet18', 'channels', channels);
  expectInteger('resnet18', 'classes', classes);
  return describedSequential(describe('resnet18', { channels, classes }), [
    conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false }),
    batchNorm2d(64),
    relu(),
    maxPool2d(3, { stride: 2, padding: 1 }),
    ...stage(64, 64, 1),
    ...stage(64, 128, 2),
    ...stage(128, 256, 2),
    ...stage(256, 512, 2),
    globalAveragePool(),
    linear(512, classes),
  ]);
}

/** Two residual blocks; the first one halves the image if the stride is 2. */
function stage(inputs: number, outputs: number, stride: 1 | 2): Layer[] {
  return [...block(inputs, outputs, stride), ...block(outputs, outputs, 1)];
}

/**
 * y = max(0, body(x) + shortcut(x)). Convolutions have no bias: batch normalisation would subtract it.
 */
function block(inputs: number, outputs: number, stride: 1 | 2): Layer[] {
  const body = sequential(
    conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
    batchNorm2d(outputs),
    relu(),
    conv2d(outputs, outputs, 3, { padding: 1, bias: false }),
    batchNorm2d(outputs),
  );
  if (stride === 1 && inputs === outputs) return [residual(body), relu()];
  const shortcut = sequential(
    conv2d(inputs, outputs, 1, { stride, bias: false }),
    batchNorm2d(outputs),
  );
  return [residual(body, shortcut), relu()];
}
