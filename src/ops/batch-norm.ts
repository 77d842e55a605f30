/**
 * Batch normalisation: each channel is brought to mean 0 and variance 1 over the batch, and then to
 * a mean and a spread that are learned.
 *
 *   x, y, dx, dy (…, C), seen as N rows of C channels; for images, N = B H W
 *   mean, variance, gamma, beta (C)
 *
 * Below for one channel, with sums over its N values:
 *
 *   μ = (1/N) Σ x[n]    v = (1/N) Σ (x[n] − μ)²    s = 1 / √(v + ε)
 *   x̂[n] = (x[n] − μ) s    y[n] = γ x̂[n] + β
 *
 * Evaluation uses the same formula with running statistics in place of μ and v. Training has them
 * follow the batch's, v by its unbiased form:
 *
 *   runningMean ← (1 − m) runningMean + m μ
 *   runningVariance ← (1 − m) runningVariance + m v N / (N − 1)
 *
 * Backward. β and γ reach the loss through every y of their channel:
 *
 *   dβ = Σ dy[n]    dγ = Σ dy[n] x̂[n]
 *
 * x reaches it three ways: by itself, through v, and through μ. Step by step, from the end:
 *
 *   dx̂[n] = γ dy[n]
 *   ds    = Σ dx̂[n] (x[n] − μ)
 *   dv    = ds ∂s/∂v = −½ (v + ε)^(−3/2) ds = −½ s³ ds
 *   dμ    = −s Σ dx̂[n] + dv ∂v/∂μ,  where ∂v/∂μ = −(2/N) Σ (x[n] − μ) = 0
 *   dx[n] = s dx̂[n] + dv (2/N) (x[n] − μ) + (1/N) dμ
 *
 * The sums are known already: Σ dx̂[n] = γ dβ, and ds = γ dγ / s, so dv = −½ γ s² dγ. Put in:
 *
 *   dx[n] = γ s dy[n] − γ s² dγ (x[n] − μ) / N − γ s dβ / N
 *         = γ s (dy[n] − (dβ + x̂[n] dγ) / N)
 *
 * What is taken off dy is its mean, and its part along x̂: neither a shift of all x nor a stretch of
 * them changes y. Saved for backward: x, μ and v.
 *
 * Source: Ioffe and Szegedy, "Batch normalization", ICML 2015.
 * Kernels: assembly/batch-norm.ts, shaders/batch-norm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  type KernelDeclaration,
  type OpCases,
  positiveReals,
  reals,
} from './cases.js';
import { defineOp, type Numbers } from './define-op.js';
import { expectSameShapes, expectShape } from './shape-checks.js';

type BatchNormSizes = Numbers<'N' | 'C'>;

export function batchNormStatistics(
  mean: Values,
  variance: Values,
  x: Values,
  { N, C }: BatchNormSizes,
): void {
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += x[n * C + c];
    const μ = sum / N;
    let squares = 0;
    for (let n = 0; n < N; n++) squares += (x[n * C + c] - μ) ** 2;
    mean[c] = μ;
    variance[c] = squares / N;
  }
}

/** @param N how many values the statistics of each channel are of */
export function batchNormUpdateStatistics(
  runningMean: Values,
  runningVariance: Values,
  mean: Values,
  variance: Values,
  momentum: number,
  N: number,
): void {
  for (let c = 0; c < mean.length; c++) {
    const unbiased = (variance[c] * N) / (N - 1);
    runningMean[c] = (1 - momentum) * runningMean[c] + momentum * mean[c];
    runningVariance[c] = (1 - momentum) * runningVariance[c] + momentum * unbiased;
  }
}

export function batchNormForward(
  y: Values,
  x: Values,
  mean: Values,
  variance: Values,
  gamma: Values,
  beta: Values,
  { N, C }: BatchNormSizes,
  epsilon: number,
): void {
  for (let c = 0; c < C; c++) {
    const s = 1 / Math.sqrt(variance[c] + epsilon);
    for (let i = c; i < N * C; i += C) y[i] = gamma[c] * (x[i] - mean[c]) * s + beta[c];
  }
}

export function batchNormBackwardParameters(
  dGamma: Values,
  dBeta: Values,
  dy: Values,
  x: Values,
  mean: Values,
  variance: Values,
  { N, C }: BatchNormSizes,
  epsilon: number,
): void {
  for (let c = 0; c < C; c++) {
    const s = 1 / Math.sqrt(variance[c] + epsilon);
    let [dγ, dβ] = [0, 0];
    for (let i = c; i < N * C; i += C) {
      dβ += dy[i];
      dγ += dy[i] * (x[i] - mean[c]) * s;
    }
    dGamma[c] = dγ;
    dBeta[c] = dβ;
  }
}

export function batchNormBackwardInput(
  dx: Values,
  dy: Values,
  x: Values,
  mean: Values,
  variance: Values,
  gamma: Values,
  dGamma: Values,
  dBeta: Values,
  { N, C }: BatchNormSizes,
  epsilon: number,
): void {
  for (let c = 0; c < C; c++) {
    const s = 1 / Math.sqrt(variance[c] + epsilon);
    for (let i = c; i < N * C; i += C) {
      const normalised = (x[i] - mean[c]) * s;
      dx[i] = gamma[c] * s * (dy[i] - (dBeta[c] + normalised * dGamma[c]) / N);
    }
  }
}

/** How many values of each channel there are in an x of this shape: N. */
export function valuesPerChannel(x: Shape): number {
  return sizeOf(x.slice(0, -1));
}

/** Sizes of x, given mean (C), whose shape all the others have. */
function channelSizes(x: Shape, channels: Readonly<Record<string, Shape>>): BatchNormSizes {
  const { mean } = channels;
  expectShape('batchNorm', 'mean', mean, [sizeOf(mean)]);
  const [C] = mean;
  if (x.length < 2 || x[x.length - 1] !== C) {
    throw new ShapeError(
      `batchNorm: expected input of shape (…, ${C}), channels last, got ${formatShape(x)}`,
    );
  }
  expectSameShapes('batchNorm', channels);
  return { N: valuesPerChannel(x), C };
}

export const batchNormOps = {
  batchNormStatistics: defineOp({
    outputs: ['mean', 'variance'],
    inputs: ['x'],
    sizes: ['N', 'C'],
    formula: 'μ = mean of x, v = mean of (x − μ)², by channel',
    shapes({ x }) {
      const mean = x.slice(-1);
      const sizes = channelSizes(x, { mean });
      if (sizes.N < 2) {
        throw new ShapeError(
          `batchNorm: expected more than one value per channel to train on, got ${formatShape(x)}; choose a batch size that leaves no batch of one`,
        );
      }
      return { outputs: { mean, variance: mean }, sizes };
    },
    terms: ({ N }) => N,
    reference: ({ mean, variance, x }, sizes) => batchNormStatistics(mean, variance, x, sizes),
  }),

  batchNormUpdateStatistics: defineOp({
    updates: ['runningMean', 'runningVariance'],
    inputs: ['mean', 'variance'],
    attributes: ['momentum', 'N'],
    sizes: ['C'],
    formula: 'running ← (1 − m) running + m (μ, v N/(N − 1))',
    shapes({ mean, variance, runningMean, runningVariance }) {
      expectSameShapes('batchNorm', { mean, variance, runningMean, runningVariance });
      return { outputs: {}, sizes: { C: sizeOf(mean) } };
    },
    terms: () => 2,
    reference: ({ runningMean, runningVariance, mean, variance }, _, { momentum, N }) =>
      batchNormUpdateStatistics(runningMean, runningVariance, mean, variance, momentum, N),
  }),

  batchNormForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'mean', 'variance', 'gamma', 'beta'],
    attributes: ['epsilon'],
    sizes: ['N', 'C'],
    formula: 'y = γ (x − μ)/√(v + ε) + β',
    shapes: ({ x, ...channels }) => ({ outputs: { y: x }, sizes: channelSizes(x, channels) }),
    terms: () => 1,
    reference: ({ y, x, mean, variance, gamma, beta }, sizes, { epsilon }) =>
      batchNormForward(y, x, mean, variance, gamma, beta, sizes, epsilon),
  }),

  batchNormBackwardParameters: defineOp({
    outputs: ['dGamma', 'dBeta'],
    inputs: ['dy', 'x', 'mean', 'variance'],
    attributes: ['epsilon'],
    sizes: ['N', 'C'],
    formula: 'dγ = Σ dy x̂, dβ = Σ dy, x̂ = (x − μ)/√(v + ε)',
    shapes({ dy, x, ...channels }) {
      expectSameShapes('batchNorm', { x, dy });
      const { mean } = channels;
      return { outputs: { dGamma: mean, dBeta: mean }, sizes: channelSizes(x, channels) };
    },
    terms: ({ N }) => N,
    reference: ({ dGamma, dBeta, dy, x, mean, variance }, sizes, { epsilon }) =>
      batchNormBackwardParameters(dGamma, dBeta, dy, x, mean, variance, sizes, epsilon),
  }),

  batchNormBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'x', 'mean', 'variance', 'gamma', 'dGamma', 'dBeta'],
    attributes: ['epsilon'],
    sizes: ['N', 'C'],
    formula: 'dx = γ/√(v + ε) (dy − (dβ + x̂ dγ)/N)',
    shapes({ dy, x, ...channels }) {
      expectSameShapes('batchNorm', { x, dy });
      return { outputs: { dx: x }, sizes: channelSizes(x, channels) };
    },
    terms: () => 1,
    reference: ({ dx, dy, x, mean, variance, gamma, dGamma, dBeta }, sizes, { epsilon }) =>
      batchNormBackwardInput(
        ...([dx, dy, x, mean, variance, gamma, dGamma, dBeta] as const),
        sizes,
        epsilon,
      ),
  }),
};

export const batchNormCases: OpCases<keyof typeof batchNormOps> = {
  name: 'batch-norm',
  magnitudes: {
    // The mean may cancel; the variance is a sum of squares.
    batchNormStatistics: (operands, call) => ({ mean: absolute()(operands, call).mean }),
    batchNormUpdateStatistics: absolute(),
    batchNormForward: absolute('mean'),
    batchNormBackwardParameters: absolute('mean'),
    batchNormBackwardInput: absolute('mean', 'dGamma', 'dBeta'),
  },
  draw(random) {
    const [B, H, C] = drawExtents(random, 3);
    return {
      gradients: [batchNormCase(random, [B + 3, C]), batchNormCase(random, [B, H, 4, C])],
      kernels: [runningStatisticsCase(random, C)],
    };
  },
};

/** @param shape of x, with more than two values per channel: of two, x̂ is always near 1 and −1 */
export function batchNormCase(
  random: RandomStream,
  shape: Shape,
  epsilon = 1e-5,
): GradientDeclaration<keyof typeof batchNormOps> {
  const channels = shape.slice(-1);
  const attributes = { epsilon };
  return {
    title: `batchNorm ${formatShape(shape)}`,
    inputs: {
      x: reals(random, shape),
      gamma: reals(random, channels),
      beta: reals(random, channels),
    },
    forward: [{ op: 'batchNormStatistics' }, { op: 'batchNormForward', attributes }],
    backward: [
      { op: 'batchNormBackwardParameters', attributes },
      { op: 'batchNormBackwardInput', attributes },
    ],
  };
}

/** Running statistics of C channels. */
export function runningStatisticsCase(
  random: RandomStream,
  C: number,
): KernelDeclaration<keyof typeof batchNormOps> {
  const attributes = { momentum: random.nextFloat(), N: 2 + random.nextBelow(100) };
  return {
    title: `running statistics (${C})`,
    values: {
      mean: reals(random, [C]),
      runningMean: reals(random, [C]),
      variance: positiveReals(random, [C]),
      runningVariance: positiveReals(random, [C]),
    },
    calls: [{ op: 'batchNormUpdateStatistics', attributes }],
  };
}
