import type { Description, Plain } from '../description.js';
import { DataError } from '../errors.js';
import { gelu, leakyRelu, relu, sigmoid, tanh } from './activations.js';
import { batchNorm2d } from './batch-norm.js';
import { conv2d } from './conv2d.js';
import { dropout } from './dropout.js';
import { flatten } from './flatten.js';
import { type Initializer, kaimingUniform, normal, ones, zeros } from './initializers.js';
import type { Layer } from './layer.js';
import { linear } from './linear.js';
import { type ImageShape, onImages } from './on-images.js';
import { averagePool2d, globalAveragePool, maxPool2d } from './pooling.js';
import { residual } from './residual.js';
import { resnet18 } from './resnet18.js';
import { sequential } from './sequential.js';
import type { Pixels } from './window-options.js';

type Options = Description['options'];
type Builder<Made> = (options: Options) => Made;

/** Options of a layer that may have an initializer. */
function withInitializer({ initializer, ...options }: Options) {
  return initializer === undefined
    ? options
    : { ...options, initializer: initializerFrom(initializer as Description) };
}

/** How each layer of this library is built from the options of its description. */
const LAYERS: Readonly<Record<string, Builder<Layer>>> = {
  averagePool2d: ({ kernel, ...options }) => averagePool2d(kernel as Pixels, options),
  batchNorm2d: ({ channels, ...options }) => batchNorm2d(channels as number, options),
  conv2d: ({ inputs, outputs, kernel, ...options }) =>
    conv2d(inputs as number, outputs as number, kernel as Pixels, withInitializer(options)),
  dropout: ({ p }) => dropout(p as number),
  flatten: () => flatten(),
  gelu: () => gelu(),
  globalAveragePool: () => globalAveragePool(),
  leakyRelu: (options) => leakyRelu(options),
  linear: ({ inputs, outputs, ...options }) =>
    linear(inputs as number, outputs as number, withInitializer(options)),
  maxPool2d: ({ kernel, ...options }) => maxPool2d(kernel as Pixels, options),
  onImages: ({ image, model }) => onImages(image as unknown as ImageShape, inner(model)),
  relu: () => relu(),
  residual: ({ body, shortcut }) =>
    shortcut === undefined ? residual(inner(body)) : residual(inner(body), inner(shortcut)),
  resnet18: (options) => resnet18(options),
  sequential: ({ layers }) => sequential(...(layers as readonly Plain[]).map(inner)),
  sigmoid: () => sigmoid(),
  tanh: () => tanh(),
};

const INITIALIZERS: Readonly<Record<string, Builder<Initializer>>> = {
  kaimingUniform: () => kaimingUniform(),
  normal: (options) => normal(options),
  ones: () => ones(),
  zeros: () => zeros(),
};

function inner(description: Plain): Layer {
  return layerFrom(description as Description);
}

/**
 * Builds a layer from its description, with parameters that are not drawn yet.
 *
 * @throws DataError for a layer that is not of this library; and as the layer's function does
 * @example layerFrom(JSON.parse(JSON.stringify(model.description)))
 */
export function layerFrom(description: Description): Layer {
  return buildFrom('layer', LAYERS, description);
}

function initializerFrom(description: Description): Initializer {
  return buildFrom('initializer', INITIALIZERS, description);
}

function buildFrom<Made>(
  kind: string,
  builders: Readonly<Record<string, Builder<Made>>>,
  { name, options }: Description,
): Made {
  if (Object.hasOwn(builders, name)) return builders[name](options);
  throw new DataError(
    `description: expected a ${kind} of ${Object.keys(builders).join(', ')}, got ${name}`,
  );
}
