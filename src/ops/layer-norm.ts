/**
 * Layer normalisation: the features of each row are normalised to mean 0 and variance 1, then scaled
 * by γ and shifted by β, which are learned.
 *
 *   x, y, dx, dy (…, C)    N rows of C features
 *   mean, rstd (…)         one number per row
 *   γ, β, dγ, dβ (C)       scale and shift; in code gamma, beta, dGamma, dBeta
 *   ε                      keeps the root away from 0; in code epsilon
 *
 * Each row is computed separately, in training and in evaluation. For one row, with sums and means
 * over its C features,
 *
 *   mean     = (1/C) Σ x[c]
 *   variance = (1/C) Σ (x[c] − mean)²
 *   rstd     = 1 / √(variance + ε)
 *   x̂[c]     = (x[c] − mean) rstd
 *   y[c]     = γ[c] x̂[c] + β[c]
 *
 * Backward. All rows n share β and γ, so their gradients are sums over the rows:
 *
 *   dβ[c] = Σₙ dy[n, c] ∂y[n, c]/∂β[c] = Σₙ dy[n, c]
 *   dγ[c] = Σₙ dy[n, c] ∂y[n, c]/∂γ[c] = Σₙ dy[n, c] x̂[n, c]
 *
 * x[c] contributes to its row in three ways: directly, through variance, and through mean. Step by
 * step, from the end to the beginning:
 *
 *   dx̂[c]     = γ[c] dy[c]
 *   drstd     = Σ dx̂[c] (x[c] − mean)
 *   dvariance = drstd ∂rstd/∂variance = −½ (variance + ε)^(−3/2) drstd = −½ rstd³ drstd
 *   dmean     = −rstd Σ dx̂[c] + dvariance ∂variance/∂mean
 *               where ∂variance/∂mean = −(2/C) Σ (x[c] − mean) = 0
 *   dx[c]     = rstd dx̂[c] + dvariance (2/C) (x[c] − mean) + (1/C) dmean
 *
 * Since x[c] − mean = x̂[c] / rstd, drstd is Σ dx̂ x̂ / rstd, and the second term of dx is
 * −(rstd/C) x̂[c] Σ dx̂ x̂. The third is −(rstd/C) Σ dx̂. Therefore
 *
 *   dx[c] = rstd (dx̂[c] − (1/C) Σ dx̂ − x̂[c] (1/C) Σ dx̂ x̂)
 *
 * The subtracted terms are the mean of dx̂ and its component along x̂: y does not change when all x of
 * a row are shifted or scaled together (but for ε).
 *
 * Saved for backward: x, mean and rstd. (rstd is PyTorch's name for the reciprocal of the standard
 * deviation.) With these two numbers per row, backward need not reduce x again; x̂ would be a third
 * tensor as large as x. Saving rstd instead of variance spares backward the root and ε.
 *
 * Kernels compute mean and variance from x − x[0], in two passes. Where mean is large and variance
 * small, a sum of the x would round away the differences between them, while x − x[0] is exact or
 * nearly so.
 *
 * Source: Ba, Kiros, Hinton, "Layer normalization", 2016.
 *
 * Kernels: assembly/layer-norm.ts, shaders/layer-norm.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type GradientDeclaration,
  type Magnitudes,
  type OpCases,
  reals,
} from './cases.js';
import { defineOp, defineOps, type Numbers } from './define-op.js';
import { expectLastAxis, expectSameShapes, expectShape } from './shape-checks.js';

type LayerNormSizes = Numbers<'N' | 'C'>;

/** y (N, C), mean and rstd (N) of x (N, C); gamma and beta are (C). */
export function layerNormForward(
  y: Values,
  mean: Values,
  rstd: Values,
  x: Values,
  gamma: Values,
  beta: Values,
  { N, C }: LayerNormSizes,
  epsilon: number,
): void {
  for (let n = 0; n < N; n++) {
    const row = n * C;
    let sum = 0;
    for (let c = 0; c < C; c++) sum += x[row + c];
    const average = sum / C;
    let squares = 0;
    for (let c = 0; c < C; c++) squares += (x[row + c] - average) ** 2;
    const reciprocal = 1 / Math.sqrt(squares / C + epsilon);
    for (let c = 0; c < C; c++) {
      y[row + c] = gamma[c] * (x[row + c] - average) * reciprocal + beta[c];
    }
    mean[n] = average;
    rstd[n] = reciprocal;
  }
}

/** dGamma and dBeta (C) of dy and x (N, C); mean and rstd are (N). */
export function layerNormBackwardParameters(
  dGamma: Values,
  dBeta: Values,
  dy: Values,
  x: Values,
  mean: Values,
  rstd: Values,
  { N, C }: LayerNormSizes,
): void {
  for (let c = 0; c < C; c++) {
    let [dγ, dβ] = [0, 0];
    for (let n = 0; n < N; n++) {
      const i = n * C + c;
      dβ += dy[i];
      dγ += dy[i] * (x[i] - mean[n]) * rstd[n];
    }
    dGamma[c] = dγ;
    dBeta[c] = dβ;
  }
}

/** dx (N, C) of dy and x (N, C); mean and rstd are (N), gamma is (C). */
export function layerNormBackwardInput(
  dx: Values,
  dy: Values,
  x: Values,
  mean: Values,
  rstd: Values,
  gamma: Values,
  { N, C }: LayerNormSizes,
): void {
  for (let n = 0; n < N; n++) {
    const row = n * C;
    const normalised = (c: number) => (x[row + c] - mean[n]) * rstd[n];
    let [sum, along] = [0, 0];
    for (let c = 0; c < C; c++) {
      const dNormalised = gamma[c] * dy[row + c];
      sum += dNormalised;
      along += dNormalised * normalised(c);
    }
    for (let c = 0; c < C; c++) {
      const dNormalised = gamma[c] * dy[row + c];
      dx[row + c] = rstd[n] * (dNormalised - (sum + normalised(c) * along) / C);
    }
  }
}

/** Sizes of x (…, C), given parameters of the shape (C). */
function featureSizes(x: Shape, parameters: Readonly<Record<string, Shape>>): LayerNormSizes {
  const [[role, first]] = Object.entries(parameters);
  expectShape('layerNorm', role, first, [sizeOf(first)]);
  expectSameShapes('layerNorm', parameters);
  const [C] = first;
  expectLastAxis('layerNorm', x, C, 'features');
  return rowSizes(x);
}

/** N rows of C features. */
function rowSizes(x: Shape): LayerNormSizes {
  return { N: sizeOf(x.slice(0, -1)), C: x[x.length - 1] };
}

/** Checks that dy has the shape of x, and mean and rstd a number for each row of it. */
function expectSaved(shapes: Readonly<Record<'dy' | 'x' | 'mean' | 'rstd', Shape>>): void {
  const { dy, x, mean, rstd } = shapes;
  expectSameShapes('layerNorm', { x, dy });
  expectShape('layerNorm', 'mean', mean, x.slice(0, -1));
  expectShape('layerNorm', 'rstd', rstd, x.slice(0, -1));
}

export const layerNormOps = defineOps({
  layerNormForward: defineOp({
    outputs: ['y', 'mean', 'rstd'],
    inputs: ['x', 'gamma', 'beta'],
    attributes: ['epsilon'],
    sizes: ['N', 'C'],
    formula:
      'mean = (1/C) Σ x, rstd = 1/√((1/C) Σ (x − mean)² + ε), y = γ (x − mean) rstd + β, by row',
    shapes({ x, gamma, beta }) {
      const sizes = featureSizes(x, { gamma, beta });
      const rows = x.slice(0, -1);
      return { outputs: { y: x, mean: rows, rstd: rows }, sizes };
    },
    terms: ({ C }) => C,
    reference: ({ y, mean, rstd, x, gamma, beta }, sizes, { epsilon }) =>
      layerNormForward(y, mean, rstd, x, gamma, beta, sizes, epsilon),
  }),

  layerNormBackwardParameters: defineOp({
    outputs: ['dGamma', 'dBeta'],
    inputs: ['dy', 'x', 'mean', 'rstd'],
    sizes: ['N', 'C'],
    formula: 'dγ = Σₙ dy x̂, dβ = Σₙ dy, x̂ = (x − mean) rstd',
    shapes(shapes) {
      expectSaved(shapes);
      const features = shapes.x.slice(-1);
      return { outputs: { dGamma: features, dBeta: features }, sizes: rowSizes(shapes.x) };
    },
    terms: ({ N }) => N,
    reference: ({ dGamma, dBeta, dy, x, mean, rstd }, sizes) =>
      layerNormBackwardParameters(dGamma, dBeta, dy, x, mean, rstd, sizes),
  }),

  layerNormBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'x', 'mean', 'rstd', 'gamma'],
    sizes: ['N', 'C'],
    formula: 'dx = rstd (dx̂ − (Σ dx̂ + x̂ Σ dx̂ x̂)/C), dx̂ = γ dy, x̂ = (x − mean) rstd',
    shapes({ gamma, ...saved }) {
      expectSaved(saved);
      return { outputs: { dx: saved.x }, sizes: featureSizes(saved.x, { gamma }) };
    },
    terms: ({ C }) => C,
    reference: ({ dx, dy, x, mean, rstd, gamma }, sizes) =>
      layerNormBackwardInput(dx, dy, x, mean, rstd, gamma, sizes),
  }),
});

/** The sum of the mean can cancel, and so can x − mean. */
const forwardMagnitudes: Magnitudes = ({ x, gamma, beta }, { sizes, attributes }) => {
  const { N, C } = sizes;
  const [y, mean, rstd] = [new Float64Array(N * C), new Float64Array(N), new Float64Array(N)];
  layerNormForward(y, mean, rstd, x, gamma, beta, { N, C }, attributes.epsilon);
  for (let n = 0; n < N; n++) {
    const row = Float64Array.from(x.subarray(n * C, (n + 1) * C), Math.abs);
    mean[n] = row.reduce((sum, value) => sum + value, 0) / C;
    for (let c = 0; c < C; c++) {
      y[n * C + c] = Math.abs(gamma[c]) * (row[c] + mean[n]) * rstd[n] + Math.abs(beta[c]);
    }
  }
  return { y, mean };
};

/** rstd (|dx̂| + (Σ |dx̂| + |x̂| Σ |dx̂ x̂|)/C). */
const inputMagnitudes: Magnitudes = ({ dy, x, mean, rstd, gamma }, { sizes }) => {
  const { N, C } = sizes;
  const dx = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    let [sum, along] = [0, 0];
    const terms = Array.from({ length: C }, (_, c) => {
      const dNormalised = Math.abs(gamma[c] * dy[n * C + c]);
      const normalised = Math.abs((x[n * C + c] - mean[n]) * rstd[n]);
      sum += dNormalised;
      along += dNormalised * normalised;
      return { dNormalised, normalised };
    });
    for (const [c, { dNormalised, normalised }] of terms.entries()) {
      dx[n * C + c] = rstd[n] * (dNormalised + (sum + normalised * along) / C);
    }
  }
  return { dx };
};

export const layerNormCases: OpCases<keyof typeof layerNormOps> = {
  name: 'layer-norm',
  magnitudes: {
    layerNormForward: forwardMagnitudes,
    layerNormBackwardParameters: (operands, call) => absolute(operands, call, 'mean'),
    layerNormBackwardInput: inputMagnitudes,
  },
  draw(random) {
    const [B, T, C] = drawExtents(random, 3);
    return {
      gradients: [layerNormCase(random, [B, C + 2]), layerNormCase(random, [B, T, 3])],
      kernels: [layerNormCase(random, [B, C + 64])],
    };
  },
};

/** @param shape of x, with more than two features: with two, x̂ is always near ±1 and dx near 0 */
export function layerNormCase(
  random: RandomStream,
  shape: Shape,
  epsilon = 1e-5,
): GradientDeclaration<keyof typeof layerNormOps> {
  const features = shape.slice(-1);
  return {
    title: `layerNorm ${formatShape(shape)}`,
    inputs: {
      x: reals(random, shape),
      gamma: reals(random, features),
      beta: reals(random, features),
    },
    forward: [{ op: 'layerNormForward', attributes: { epsilon } }],
    backward: [{ op: 'layerNormBackwardParameters' }, { op: 'layerNormBackwardInput' }],
  };
}
