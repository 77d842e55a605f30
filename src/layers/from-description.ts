import {
  type Builders,
  buildFrom,
  type Description,
  type Plain,
  withoutOptions,
} from '../description.js';
import { DataError, shown } from '../errors.js';
import { gelu } from './activations/gelu.js';
import { leakyRelu } from './activations/leaky-relu.js';
import { relu } from './activations/relu.js';
import { sigmoid } from './activations/sigmoid.js';
import { tanh } from './activations/tanh.js';
import { batchNorm2d } from './batch-norm.js';
import { type ImageShape, onImages } from './containers/on-images.js';
import { residual } from './containers/residual.js';
import { resnet18 } from './containers/resnet18.js';
import { sequential } from './containers/sequential.js';
import { conv2d } from './conv2d.js';
import { dropout } from './dropout.js';
import { embedding } from './embedding.js';
import { flatten } from './flatten.js';
import { groupNorm } from './group-norm.js';
import type { Layer } from './layer.js';
import { layerNorm } from './layer-norm.js';
import { linear } from './linear.js';
import {
  type Initializer,
  kaimingUniform,
  normal,
  ones,
  zeros,
} from './parameters/initializers.js';
import { averagePool2d, globalAveragePool, maxPool2d } from './pooling.js';
import type { Pixels } from './window-options.js';

type Options = Description['options'];

/** The options of a layer, with its initializer rebuilt. */
function withInitializer({ initializer, ...options }: Options) {
  return initializer === undefined
    ? options
    : { ...options, initializer: buildFrom('initializer', INITIALIZERS, initializer) };
}

/** Every layer of this library. */
const LAYERS: Builders<Layer> = {
  averagePool2d: ({ kernel, ...options }) => averagePool2d(kernel as Pixels, options),
  batchNorm2d: ({ channels, ...options }) => batchNorm2d(channels as number, options),
  conv2d: ({ inputs, outputs, kernel, ...options }) =>
    conv2d(inputs as number, outputs as number, kernel as Pixels, withInitializer(options)),
  dropout: ({ p }) => dropout(p as number),
  embedding: ({ count, features, ...options }) =>
    embedding(count as number, features as number, withInitializer(options)),
  flatten: withoutOptions('flatten', flatten),
  gelu: withoutOptions('gelu', gelu),
  globalAveragePool: withoutOptions('globalAveragePool', globalAveragePool),
  groupNorm: ({ groups, channels, ...options }) =>
    groupNorm(groups as number, channels as number, options),
  layerNorm: ({ features, ...options }) => layerNorm(features as number, options),
  leakyRelu: (options) => leakyRelu(options),
  linear: ({ inputs, outputs, ...options }) =>
    linear(inputs as number, outputs as number, withInitializer(options)),
  maxPool2d: ({ kernel, ...options }) => maxPool2d(kernel as Pixels, options),
  onImages: ({ image, model }) => onImages(image as unknown as ImageShape, inner(model)),
  relu: withoutOptions('relu', relu),
  residual: ({ body, shortcut }) =>
    shortcut === undefined ? residual(inner(body)) : residual(inner(body), inner(shortcut)),
  resnet18: (options) => resnet18(options),
  sequential: ({ layers }) => sequential(...listOf(layers).map(inner)),
  sigmoid: withoutOptions('sigmoid', sigmoid),
  tanh: withoutOptions('tanh', tanh),
};

const INITIALIZERS: Builders<Initializer> = {
  kaimingUniform: withoutOptions('kaimingUniform', kaimingUniform),
  normal: (options) => normal(options),
  ones: withoutOptions('ones', ones),
  zeros: withoutOptions('zeros', zeros),
};

function inner(description: Plain | undefined): Layer {
  return buildFrom('layer', LAYERS, description);
}

function listOf(layers: Plain | undefined): readonly Plain[] {
  if (Array.isArray(layers)) return layers;
  throw new DataError(`description: expected layers to be a list, got ${shown(layers)}`);
}

/**
 * Builds a layer from its description. A trainer then draws its initial weights.
 *
 * @throws DataError for a layer or initializer that is not of this library, and for malformed
 *   descriptions; ShapeError or RangeError for options that the layer refuses
 * @example layerFrom(JSON.parse(JSON.stringify(model.description)))
 */
export function layerFrom(description: Description): Layer {
  return inner(description);
}
