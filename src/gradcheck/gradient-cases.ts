/**
 * One function per differentiable op: random inputs of given sizes, and its forward and backward
 * as calls. Sizes have the letters of the op's derivation.
 */
import { type PoolingWindow, pooledShape } from '../ops/max-pool2d.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, persistent, type Shape } from '../tensor.js';
import {
  drawDistinctReals,
  drawIntegers,
  drawValues,
  type GradientCase,
  tensorsLike,
} from './case.js';

export interface ProductSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * C = A·B. The gradients of src/ops/matmul.ts are those of A and B as they are multiplied; where
 * one is stored transposed, so is its gradient: dAᵀ = B·dCᵀ and dBᵀ = dCᵀ·A.
 */
export function matmulCase(random: RandomStream, sizes: ProductSizes): GradientCase {
  const { M, N, K, transposeA, transposeB } = sizes;
  const [A, dA] = tensorsLike(transposeA ? [K, M] : [M, K], 'A', 'dA');
  const [B, dB] = tensorsLike(transposeB ? [N, K] : [K, N], 'B', 'dB');
  const [C, dC] = tensorsLike([M, N], 'C', 'dC');
  const flags = (a: boolean, b: boolean) => ({ transposeA: Number(a), transposeB: Number(b) });
  return {
    title: `matmul ${formatShape([M, K])}·${formatShape([K, N])}, stored ${formatShape(A.shape)} and ${formatShape(B.shape)}`,
    inputs: drawValues(random, [A, B]),
    constants: drawValues(random, [dC]),
    dy: dC,
    forward(step) {
      step.call('matmul', { C, A, B }, flags(transposeA, transposeB));
      return C;
    },
    backward(step) {
      if (transposeA) step.call('matmul', { C: dA, A: B, B: dC }, flags(transposeB, true));
      else step.call('matmul', { C: dA, A: dC, B }, flags(false, !transposeB));
      if (transposeB) step.call('matmul', { C: dB, A: dC, B: A }, flags(true, transposeA));
      else step.call('matmul', { C: dB, A, B: dC }, flags(!transposeA, false));
      return new Map([
        [A, dA],
        [B, dB],
      ]);
    },
  };
}

export interface LayerSizes {
  readonly B: number;
  readonly I: number;
  readonly O: number;
}

export function linearCase(random: RandomStream, { B, I, O }: LayerSizes): GradientCase {
  const [x, dx] = tensorsLike([B, I], 'x', 'dx');
  const [W, dW] = tensorsLike([I, O], 'W', 'dW');
  const [b, db] = tensorsLike([O], 'b', 'db');
  const [y, dy] = tensorsLike([B, O], 'y', 'dy');
  return {
    title: `linear (${B}, ${I})·(${I}, ${O})`,
    inputs: drawValues(random, [x, W, b]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('linearForward', { y, x, W, b });
      return y;
    },
    backward(step) {
      step.call('linearBackwardWeight', { dW, x, dy });
      step.call('linearBackwardBias', { db, dy });
      step.call('linearBackwardInput', { dx, dy, W });
      return new Map([
        [x, dx],
        [W, dW],
        [b, db],
      ]);
    },
  };
}

/** A function of each element. */
export function activationCase(
  random: RandomStream,
  activation: 'relu' | 'sigmoid' | 'tanh',
  shape: Shape,
): GradientCase {
  const [x, y, dy, dx] = tensorsLike(shape, 'x', 'y', 'dy', 'dx');
  return {
    title: `${activation} ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call(`${activation}Forward`, { y, x });
      return y;
    },
    backward(step) {
      step.call(`${activation}Backward`, { dx, dy, y });
      return new Map([[x, dx]]);
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

/** A loss on logits (B, C); C is 1 for the binary ones. */
export function classificationCase(
  random: RandomStream,
  loss: 'softmaxCrossEntropy' | 'binaryCrossEntropy' | 'mnistLoss',
  { B, C }: { readonly B: number; readonly C: number },
): GradientCase {
  const [z, p, dz] = tensorsLike([B, C], 'z', 'p', 'dz');
  const t = persistent('t', [B], 'int32');
  const L = persistent('L', [1]);
  const classes = loss === 'softmaxCrossEntropy' ? C : 2;
  return {
    title: `${loss} ${formatShape(z.shape)}`,
    inputs: drawValues(random, [z]),
    constants: new Map([[t, drawIntegers(random, B, classes)]]),
    forward(step) {
      step.call(`${loss}Forward`, { L, p, z, t });
      return L;
    },
    backward(step) {
      step.call(`${loss}Backward`, { dz, p, t });
      return new Map([[z, dz]]);
    },
  };
}

export function squaredErrorCase(
  random: RandomStream,
  reduction: 'mean' | 'sum',
  shape: Shape,
): GradientCase {
  const [y, t, dy] = tensorsLike(shape, 'y', 't', 'dy');
  const L = persistent('L', [1]);
  const scale = reduction === 'sum' ? 1 : 1 / y.size;
  return {
    title: `squaredError, ${reduction}, ${formatShape(shape)}`,
    inputs: drawValues(random, [y]),
    constants: drawValues(random, [t]),
    forward(step) {
      step.call('squaredErrorForward', { L, y, t }, { scale });
      return L;
    },
    backward(step) {
      step.call('squaredErrorBackward', { dy, y, t }, { scale });
      return new Map([[y, dy]]);
    },
  };
}
