/**
 * Batch normalisation: each channel is normalised over the batch to mean 0 and variance 1, then
 * scaled by γ and shifted by β, which are learned.
 *
 *   x, y, dx, dy (…, C)    N rows of C channels; for images, N = B H W
 *   mean, variance (C)     statistics of each channel
 *   γ, β, dγ, dβ (C)       scale and shift; in code gamma, beta, dGamma, dBeta
 *   ε                      keeps the root away from 0; in code epsilon
 *
 * Each channel is computed separately. For one channel, with sums over its N values,
 *
 *   mean     = (1/N) Σ x[n]
 *   variance = (1/N) Σ (x[n] − mean)²
 *   rstd     = 1 / √(variance + ε)
 *   x̂[n]     = (x[n] − mean) rstd
 *   y[n]     = γ x̂[n] + β
 *
 * Evaluation uses running statistics in place of mean and variance: src/ops/running-statistics.ts.
 *
 * Backward. β and γ contribute to every y of their channel:
 *
 *   dβ = Σ dy[n] ∂y[n]/∂β = Σ dy[n]
 *   dγ = Σ dy[n] ∂y[n]/∂γ = Σ dy[n] x̂[n]
 *
 * x[n] contributes in three ways: directly, through variance, and through mean. Step by step, from
 * the end to the beginning:
 *
 *   dx̂[n]     = γ dy[n]
 *   drstd     = Σ dx̂[n] (x[n] − mean)
 *   dvariance = drstd ∂rstd/∂variance = −½ (variance + ε)^(−3/2) drstd = −½ rstd³ drstd
 *   dmean     = −rstd Σ dx̂[n] + dvariance ∂variance/∂mean
 *               where ∂variance/∂mean = −(2/N) Σ (x[n] − mean) = 0
 *   dx[n]     = rstd dx̂[n] + dvariance (2/N) (x[n] − mean) + (1/N) dmean
 *
 * Both sums are known from the gradients of β and γ: Σ dx̂[n] = γ dβ and drstd = γ dγ / rstd.
 * Therefore dmean = −γ rstd dβ and dvariance = −½ γ rstd² dγ, and
 *
 *   dx[n] = γ rstd dy[n] − γ rstd² dγ (x[n] − mean) / N − γ rstd dβ / N
 *         = γ rstd (dy[n] − (dβ + x̂[n] dγ) / N)
 *
 * The subtracted terms are the mean of dy and its component along x̂: y does not change when all x
 * are shifted or scaled together (but for ε). Saved for backward: x, mean and variance.
 *
 * Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing
 * internal covariate shift", ICML 2015.
 *
 * Kernels: assembly/batch-norm.ts, shaders/batch-norm.wgsl
 */
import { ShapeError } from '../errors.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { absolute, drawExtents, type GradientDeclaration, type OpCases, reals } from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectLastAxis, expectSameShapes, expectShape } from './shape-checks.js';

type BatchNormSizes = Numbers<'N' | 'C'>;

/** mean and biased variance (C) of x (N, C). */
export function batchNormStatistics(
  mean: Values,
  variance: Values,
  x: Values,
  { N, C }: BatchNormSizes,
): void {
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += x[n * C + c];
    const batchMean = sum / N;
    let squares = 0;
    for (let n = 0; n < N; n++) squares += (x[n * C + c] - batchMean) ** 2;
    mean[c] = batchMean;
    variance[c] = squares / N;
  }
}

/** y (N, C) of x (N, C); the statistics, gamma and beta are (C). */
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
    const rstd = 1 / Math.sqrt(variance[c] + epsilon);
    for (let i = c; i < N * C; i += C) y[i] = gamma[c] * (x[i] - mean[c]) * rstd + beta[c];
  }
}

/** dGamma and dBeta (C) of dy and x (N, C); the statistics are (C). */
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
    const rstd = 1 / Math.sqrt(variance[c] + epsilon);
    let [dγ, dβ] = [0, 0];
    for (let i = c; i < N * C; i += C) {
      dβ += dy[i];
      dγ += dy[i] * (x[i] - mean[c]) * rstd;
    }
    dGamma[c] = dγ;
    dBeta[c] = dβ;
  }
}

/** dx (N, C) of dy and x (N, C); all others are (C). */
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
    const rstd = 1 / Math.sqrt(variance[c] + epsilon);
    for (let i = c; i < N * C; i += C) {
      const normalised = (x[i] - mean[c]) * rstd;
      dx[i] = gamma[c] * rstd * (dy[i] - (dBeta[c] + normalised * dGamma[c]) / N);
    }
  }
}

/** N: the number of values per channel in an x of this shape. */
export function valuesPerChannel(x: Shape): number {
  return sizeOf(x.slice(0, -1));
}

/** Sizes of x (…, C), where all of `channels` have the shape (C). */
function channelSizes(x: Shape, channels: Readonly<Record<string, Shape>>): BatchNormSizes {
  const { mean } = channels;
  expectShape('batchNorm', 'mean', mean, [sizeOf(mean)]);
  const [C] = mean;
  expectLastAxis('batchNorm', x, C, 'channels');
  expectSameShapes('batchNorm', channels);
  return { N: valuesPerChannel(x), C };
}

export const batchNormOps = defineOps({
  batchNormStatistics: defineOp({
    outputs: ['mean', 'variance'],
    inputs: ['x'],
    sizes: ['N', 'C'],
    formula: 'mean = (1/N) Σₙ x, variance = (1/N) Σₙ (x − mean)²',
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

  batchNormForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'mean', 'variance', 'gamma', 'beta'],
    attributes: ['epsilon'],
    sizes: ['N', 'C'],
    formula: 'y = γ (x − mean) rstd + β, rstd = 1/√(variance + ε)',
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
    formula: 'dγ = Σₙ dy x̂, dβ = Σₙ dy, x̂ = (x − mean) rstd, rstd = 1/√(variance + ε)',
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
    formula: 'dx = γ rstd (dy − (dβ + x̂ dγ)/N), x̂ = (x − mean) rstd, rstd = 1/√(variance + ε)',
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
});

export const batchNormCases: OpCases<keyof typeof batchNormOps> = {
  name: 'batch-norm',
  magnitudes: {
    // The sum of the mean can cancel. The variance is a sum of squares, which cannot.
    batchNormStatistics: (operands, call) => ({ mean: absolute(operands, call).mean }),
    batchNormForward: (operands, call) => absolute(operands, call, 'mean'),
    batchNormBackwardParameters: (operands, call) => absolute(operands, call, 'mean'),
    batchNormBackwardInput: (operands, call) => absolute(operands, call, 'mean', 'dGamma', 'dBeta'),
  },
  draw(random) {
    const [B, H, C] = drawExtents(random, 3);
    return {
      gradients: [batchNormCase(random, [B + 3, C]), batchNormCase(random, [B, H, 4, C])],
    };
  },
};

/** @param shape (…, C) with N > 2: for N = 2, x̂ is always near ±1 and dx near 0 */
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
