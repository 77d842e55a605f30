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
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { defineOp, expectSameShapes, expectShape } from './types.js';

export function batchNormStatistics(
  mean: Values,
  variance: Values,
  x: Values,
  [N, C]: readonly number[],
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
  [N, C]: readonly number[],
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
  [N, C]: readonly number[],
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
  [N, C]: readonly number[],
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

/** [N, C] of x, given mean (C), of which all the others have the shape. */
function channelSizes(x: Shape, channels: Readonly<Record<string, Shape>>): readonly number[] {
  const { mean } = channels;
  expectShape('batchNorm', 'mean', mean, [sizeOf(mean)]);
  const [C] = mean;
  if (x.length < 2 || x[x.length - 1] !== C) {
    throw new ShapeError(
      `batchNorm: expected input of shape (…, ${C}), channels last, got ${formatShape(x)}`,
    );
  }
  expectSameShapes('batchNorm', channels);
  return [valuesPerChannel(x), C];
}

export const batchNormOps = {
  batchNormStatistics: defineOp({
    outputs: ['mean', 'variance'],
    inputs: ['x'],
    formula: 'μ = mean of x, v = mean of (x − μ)², by channel',
    sizes({ mean, variance, x }) {
      const sizes = channelSizes(x, { mean, variance });
      if (sizes[0] < 2) {
        throw new ShapeError(
          `batchNorm: expected more than one value per channel to train on, got ${formatShape(x)}; choose a batch size that leaves no batch of one`,
        );
      }
      return sizes;
    },
    reference: ({ mean, variance, x }, sizes) => batchNormStatistics(mean, variance, x, sizes),
  }),

  batchNormUpdateStatistics: defineOp({
    outputs: ['runningMean', 'runningVariance'],
    inputs: ['mean', 'variance'],
    attributes: ['momentum', 'N'],
    formula: 'running ← (1 − m) running + m (μ, v N/(N − 1))',
    sizes({ mean, variance, runningMean, runningVariance }) {
      expectSameShapes('batchNorm', { mean, variance, runningMean, runningVariance });
      return [sizeOf(mean)];
    },
    reference: ({ runningMean, runningVariance, mean, variance }, _, { momentum, N }) =>
      batchNormUpdateStatistics(runningMean, runningVariance, mean, variance, momentum, N),
  }),

  batchNormForward: defineOp({
    outputs: ['y'],
    inputs: ['x', 'mean', 'variance', 'gamma', 'beta'],
    attributes: ['epsilon'],
    formula: 'y = γ (x − μ)/√(v + ε) + β',
    sizes({ y, x, ...channels }) {
      expectSameShapes('batchNorm', { x, y });
      return channelSizes(x, channels);
    },
    reference: ({ y, x, mean, variance, gamma, beta }, sizes, { epsilon }) =>
      batchNormForward(y, x, mean, variance, gamma, beta, sizes, epsilon),
  }),

  batchNormBackwardParameters: defineOp({
    outputs: ['dGamma', 'dBeta'],
    inputs: ['dy', 'x', 'mean', 'variance'],
    attributes: ['epsilon'],
    formula: 'dγ = Σ dy x̂, dβ = Σ dy, x̂ = (x − μ)/√(v + ε)',
    sizes({ dy, x, ...channels }) {
      expectSameShapes('batchNorm', { x, dy });
      return channelSizes(x, channels);
    },
    reference: ({ dGamma, dBeta, dy, x, mean, variance }, sizes, { epsilon }) =>
      batchNormBackwardParameters(dGamma, dBeta, dy, x, mean, variance, sizes, epsilon),
  }),

  batchNormBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'x', 'mean', 'variance', 'gamma', 'dGamma', 'dBeta'],
    attributes: ['epsilon'],
    formula: 'dx = γ/√(v + ε) (dy − (dβ + x̂ dγ)/N)',
    sizes({ dx, dy, x, ...channels }) {
      expectSameShapes('batchNorm', { x, dx, dy });
      return channelSizes(x, channels);
    },
    reference: ({ dx, dy, x, mean, variance, gamma, dGamma, dBeta }, sizes, { epsilon }) =>
      batchNormBackwardInput(
        ...([dx, dy, x, mean, variance, gamma, dGamma, dBeta] as const),
        sizes,
        epsilon,
      ),
  }),
};
