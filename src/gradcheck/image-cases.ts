/** As gradient-cases.ts, for the ops on images (B, H, W, C). */
import { type Conv2dAttributes, conv2dShape } from '../ops/conv2d.js';
import { type PoolingWindow, pooledShape } from '../ops/max-pool2d.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, persistent, type Shape } from '../tensor.js';
import { drawDistinctReals, drawValues, type GradientCase, tensorsLike } from './case.js';

export interface ConvolutionSizes extends Conv2dAttributes {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly OC: number;
  readonly KH: number;
  readonly KW: number;
}

export function conv2dCase(random: RandomStream, sizes: ConvolutionSizes): GradientCase {
  const { B, H, W: columns, C, OC, KH, KW, ...attributes } = sizes;
  const [x, dx] = tensorsLike([B, H, columns, C], 'x', 'dx');
  const [W, dW] = tensorsLike([KH, KW, C / attributes.groups, OC], 'W', 'dW');
  const [b, db] = tensorsLike([OC], 'b', 'db');
  const shape = conv2dShape(x.shape, W.shape, attributes);
  const [plain, y, dy] = tensorsLike(shape, 'y', 'y', 'dy');
  return {
    title: `conv2d ${formatShape(x.shape)}·${formatShape(W.shape)} ${JSON.stringify(attributes)}`,
    inputs: drawValues(random, [x, W, b]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('conv2dForward', { y: plain, x, W }, attributes);
      step.call('conv2dBiasForward', { y, x, W, b }, attributes);
      return y;
    },
    backward(step) {
      step.call('conv2dBackwardWeight', { dW, x, dy }, attributes);
      step.call('conv2dBackwardBias', { db, dy });
      step.call('conv2dBackwardInput', { dx, dy, W }, attributes);
      return new Map([
        [x, dx],
        [W, dW],
        [b, db],
      ]);
    },
  };
}

export interface PoolingSizes {
  /** (B, H, W, C) */
  readonly shape: Shape;
  /** Height and width, as below. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

export function maxPool2dCase(random: RandomStream, sizes: PoolingSizes): GradientCase {
  const window = windowOf(sizes);
  const pooled = pooledShape('maxPool2d', sizes.shape, window);
  const [x, dx] = tensorsLike(sizes.shape, 'x', 'dx');
  const [y, dy] = tensorsLike(pooled, 'y', 'dy');
  const index = persistent('index', pooled, 'uint8');
  return {
    title: `maxPool2d ${formatPooling(sizes)}`,
    inputs: new Map([[x, drawDistinctReals(random, x.size)]]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('maxPool2dForward', { y, index, x }, window);
      return y;
    },
    backward(step) {
      step.call('maxPool2dBackward', { dx, dy, index }, window);
      return new Map([[x, dx]]);
    },
  };
}

export function averagePool2dCase(random: RandomStream, sizes: PoolingSizes): GradientCase {
  const window = windowOf(sizes);
  const [x, dx] = tensorsLike(sizes.shape, 'x', 'dx');
  const [y, dy] = tensorsLike(pooledShape('averagePool2d', sizes.shape, window), 'y', 'dy');
  return {
    title: `averagePool2d ${formatPooling(sizes)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('averagePool2dForward', { y, x }, window);
      return y;
    },
    backward(step) {
      step.call('averagePool2dBackward', { dx, dy }, window);
      return new Map([[x, dx]]);
    },
  };
}

/** @param shape (B, H, W, C) */
export function globalAveragePoolCase(random: RandomStream, shape: Shape): GradientCase {
  const [x, dx] = tensorsLike(shape, 'x', 'dx');
  const [y, dy] = tensorsLike([shape[0], shape[3]], 'y', 'dy');
  return {
    title: `globalAveragePool ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('globalAveragePoolForward', { y, x });
      return y;
    },
    backward(step) {
      step.call('globalAveragePoolBackward', { dx, dy });
      return new Map([[x, dx]]);
    },
  };
}

/** Of more than two values per channel: between two, x̂ is 1 and −1 whatever they are, or nearly so. */
export function batchNormCase(random: RandomStream, shape: Shape, epsilon = 1e-5): GradientCase {
  const C = shape.slice(-1);
  const [x, dx, y, dy] = tensorsLike(shape, 'x', 'dx', 'y', 'dy');
  const [mean, variance] = tensorsLike(C, 'mean', 'variance');
  const [gamma, dGamma, beta, dBeta] = tensorsLike(C, 'gamma', 'dGamma', 'beta', 'dBeta');
  return {
    title: `batchNorm ${formatShape(shape)}`,
    inputs: drawValues(random, [x, gamma, beta]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('batchNormStatistics', { mean, variance, x });
      step.call('batchNormForward', { y, x, mean, variance, gamma, beta }, { epsilon });
      return y;
    },
    backward(step) {
      const saved = { dy, x, mean, variance };
      step.call('batchNormBackwardParameters', { dGamma, dBeta, ...saved }, { epsilon });
      step.call('batchNormBackwardInput', { dx, ...saved, gamma, dGamma, dBeta }, { epsilon });
      return new Map([
        [x, dx],
        [gamma, dGamma],
        [beta, dBeta],
      ]);
    },
  };
}

function windowOf({ kernel, stride, padding }: PoolingSizes): PoolingWindow {
  const [kernelHeight, kernelWidth] = kernel;
  const [strideHeight, strideWidth] = stride;
  const [paddingHeight, paddingWidth] = padding;
  return { kernelHeight, kernelWidth, strideHeight, strideWidth, paddingHeight, paddingWidth };
}

function formatPooling({ shape, kernel, stride, padding }: PoolingSizes): string {
  const pairs = [kernel, stride, padding].map((pair) => pair.join(' × '));
  return `${formatShape(shape)}, window ${pairs[0]}, stride ${pairs[1]}, padding ${pairs[2]}`;
}
