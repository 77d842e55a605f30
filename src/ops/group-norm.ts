/**
 * Group normalisation: the channels of an image are split into groups. Each group is normalised to
 * mean 0 and variance 1, then its channels are scaled by γ and shifted by β, which are learned.
 *
 *   x, y, dx, dy (B, …, C)    B images of P pixels and C channels; (B, H, W, C) has P = H W
 *   mean, rstd (B, G)         one number per image and group
 *   γ, β, dγ, dβ (C)          scale and shift; in code gamma, beta, dGamma, dBeta
 *   ε                         keeps the root away from 0; in code epsilon
 *
 * A group has D = C/G neighbouring channels. Each group of each image is computed separately, in
 * training and in evaluation. For one group, with sums over its M = P D numbers (pixels p, channels c),
 *
 *   mean     = (1/M) Σ x[p, c]
 *   variance = (1/M) Σ (x[p, c] − mean)²
 *   rstd     = 1 / √(variance + ε)
 *   x̂[p, c]  = (x[p, c] − mean) rstd
 *   y[p, c]  = γ[c] x̂[p, c] + β[c]
 *
 * With one group and one pixel, this is layer normalisation: src/ops/layer-norm.ts.
 *
 * Backward. All images n and their pixels share β and γ, so their gradients are sums over both:
 *
 *   dβ[c] = Σₙ Σₚ dy[n, p, c] ∂y[n, p, c]/∂β[c] = Σₙ Σₚ dy[n, p, c]
 *   dγ[c] = Σₙ Σₚ dy[n, p, c] ∂y[n, p, c]/∂γ[c] = Σₙ Σₚ dy[n, p, c] x̂[n, p, c]
 *
 * x[p, c] contributes to its group in three ways: directly, through variance, and through mean. Step by
 * step, from the end to the beginning:
 *
 *   dx̂[p, c]  = γ[c] dy[p, c]
 *   drstd     = Σ dx̂[p, c] (x[p, c] − mean)
 *   dvariance = drstd ∂rstd/∂variance = −½ (variance + ε)^(−3/2) drstd = −½ rstd³ drstd
 *   dmean     = −rstd Σ dx̂[p, c] + dvariance ∂variance/∂mean
 *               where ∂variance/∂mean = −(2/M) Σ (x[p, c] − mean) = 0
 *   dx[p, c]  = rstd dx̂[p, c] + dvariance (2/M) (x[p, c] − mean) + (1/M) dmean
 *
 * Since x[p, c] − mean = x̂[p, c] / rstd, drstd is Σ dx̂ x̂ / rstd, and the second term of dx is
 * −(rstd/M) x̂[p, c] Σ dx̂ x̂. The third is −(rstd/M) Σ dx̂. Therefore
 *
 *   dx[p, c] = rstd (dx̂[p, c] − (1/M) Σ dx̂ − x̂[p, c] (1/M) Σ dx̂ x̂)
 *
 * The subtracted terms are the mean of dx̂ and its component along x̂: y does not change when all x of a
 * group are shifted or scaled together (but for ε).
 *
 * Saved for backward: x, mean and rstd. Kernels compute mean and variance from the differences to the
 * first number of the group, in two passes. src/ops/layer-norm.ts has the reasons for both.
 *
 * Source: Wu, He, "Group normalization", ECCV 2018.
 * Kernels: assembly/group-norm.ts, shaders/group-norm.wgsl
 */
import { ShapeError } from '../errors.js';
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
import { expectRank, expectSameShapes, expectShape } from './shape-checks.js';
import { sumInto } from './sum-into.js';

type GroupNormSizes = Numbers<'B' | 'P' | 'C' | 'G'>;

/** y of x (B, P, C), and mean and rstd (B, G); gamma and beta are (C). */
export function groupNormForward(
  y: Values,
  mean: Values,
  rstd: Values,
  x: Values,
  gamma: Values,
  beta: Values,
  sizes: GroupNormSizes,
  epsilon: number,
): void {
  forEachGroup(sizes, (group, indices) => {
    const M = indices.length;
    let sum = 0;
    for (const i of indices) sum += x[i];
    const average = sum / M;
    let squares = 0;
    for (const i of indices) squares += (x[i] - average) ** 2;
    const reciprocal = 1 / Math.sqrt(squares / M + epsilon);
    for (const i of indices) {
      y[i] = gamma[i % sizes.C] * (x[i] - average) * reciprocal + beta[i % sizes.C];
    }
    mean[group] = average;
    rstd[group] = reciprocal;
  });
}

/** dGamma and dBeta (C) of dy and x (B, P, C); mean and rstd are (B, G). */
export function groupNormBackwardParameters(
  dGamma: Values,
  dBeta: Values,
  dy: Values,
  x: Values,
  mean: Values,
  rstd: Values,
  sizes: GroupNormSizes,
): void {
  sumInto(dBeta, (sums) =>
    forEachGroup(sizes, (_, indices) => {
      for (const i of indices) sums[i % sizes.C] += dy[i];
    }),
  );
  sumInto(dGamma, (sums) =>
    forEachGroup(sizes, (group, indices) => {
      for (const i of indices) sums[i % sizes.C] += dy[i] * (x[i] - mean[group]) * rstd[group];
    }),
  );
}

/** dx of dy and x (B, P, C); mean and rstd are (B, G), gamma is (C). */
export function groupNormBackwardInput(
  dx: Values,
  dy: Values,
  x: Values,
  mean: Values,
  rstd: Values,
  gamma: Values,
  sizes: GroupNormSizes,
): void {
  forEachGroup(sizes, (group, indices) => {
    const M = indices.length;
    const normalised = (i: number) => (x[i] - mean[group]) * rstd[group];
    let [sum, along] = [0, 0];
    for (const i of indices) {
      const dNormalised = gamma[i % sizes.C] * dy[i];
      sum += dNormalised;
      along += dNormalised * normalised(i);
    }
    for (const i of indices) {
      const dNormalised = gamma[i % sizes.C] * dy[i];
      dx[i] = rstd[group] * (dNormalised - (sum + normalised(i) * along) / M);
    }
  });
}

/** Visits the groups of each image in order, with the indices of their numbers in x. */
function forEachGroup(
  { B, P, C, G }: GroupNormSizes,
  visit: (group: number, indices: readonly number[]) => void,
): void {
  const D = C / G;
  for (let group = 0; group < B * G; group++) {
    const first = Math.floor(group / G) * P * C + (group % G) * D;
    const indexOf = (_: unknown, k: number) => first + Math.floor(k / D) * C + (k % D);
    visit(group, Array.from({ length: P * D }, indexOf));
  }
}

/** Sizes of x (B, …, C) in G groups. */
function groupSizes(x: Shape, G: number): GroupNormSizes {
  const [B, ...rest] = x;
  const C = rest[rest.length - 1];
  if (rest.length === 0 || C % G !== 0) {
    throw new ShapeError(
      `groupNorm: expected input of shape (B, …, C), channels last, with C a multiple of ${G} groups, got ${formatShape(x)}`,
    );
  }
  return { B, P: sizeOf(rest.slice(0, -1)), C, G };
}

/** Checks that dy has the shape of x, and mean and rstd a number for each image and group. */
function savedSizes(shapes: Readonly<Record<'dy' | 'x' | 'mean' | 'rstd', Shape>>): GroupNormSizes {
  const { dy, x, mean, rstd } = shapes;
  expectSameShapes('groupNorm', { x, dy });
  expectRank('groupNorm', 'mean', mean, '(B, G)');
  const [, G] = mean;
  expectShape('groupNorm', 'mean', mean, [x[0], G]);
  expectSameShapes('groupNorm', { mean, rstd });
  return groupSizes(x, G);
}

export const groupNormOps = defineOps({
  groupNormForward: defineOp({
    outputs: ['y', 'mean', 'rstd'],
    inputs: ['x', 'gamma', 'beta'],
    attributes: ['epsilon', 'groups'],
    sizes: ['B', 'P', 'C'],
    formula:
      'mean = (1/M) Σ x, rstd = 1/√((1/M) Σ (x − mean)² + ε), y = γ (x − mean) rstd + β, by group',
    shapes({ x, gamma, beta }, { groups }) {
      const { B, P, C, G } = groupSizes(x, groups);
      expectShape('groupNorm', 'gamma', gamma, [C]);
      expectShape('groupNorm', 'beta', beta, [C]);
      return { outputs: { y: x, mean: [B, G], rstd: [B, G] }, sizes: { B, P, C } };
    },
    terms: ({ P, C }, { groups }) => (P * C) / groups,
    reference: ({ y, mean, rstd, x, gamma, beta }, sizes, { epsilon, groups: G }) =>
      groupNormForward(y, mean, rstd, x, gamma, beta, { ...sizes, G }, epsilon),
  }),

  groupNormBackwardParameters: defineOp({
    outputs: ['dGamma', 'dBeta'],
    inputs: ['dy', 'x', 'mean', 'rstd'],
    sizes: ['B', 'P', 'C', 'G'],
    formula: 'dγ = Σₙ Σₚ dy x̂, dβ = Σₙ Σₚ dy, x̂ = (x − mean) rstd',
    shapes(shapes) {
      const sizes = savedSizes(shapes);
      return { outputs: { dGamma: [sizes.C], dBeta: [sizes.C] }, sizes };
    },
    terms: ({ B, P }) => B * P,
    reference: ({ dGamma, dBeta, dy, x, mean, rstd }, sizes) =>
      groupNormBackwardParameters(dGamma, dBeta, dy, x, mean, rstd, sizes),
  }),

  groupNormBackwardInput: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'x', 'mean', 'rstd', 'gamma'],
    sizes: ['B', 'P', 'C', 'G'],
    formula: 'dx = rstd (dx̂ − (Σ dx̂ + x̂ Σ dx̂ x̂)/M), dx̂ = γ dy, x̂ = (x − mean) rstd',
    shapes({ gamma, ...saved }) {
      const sizes = savedSizes(saved);
      expectShape('groupNorm', 'gamma', gamma, [sizes.C]);
      return { outputs: { dx: saved.x }, sizes };
    },
    terms: ({ P, C, G }) => (P * C) / G,
    reference: ({ dx, dy, x, mean, rstd, gamma }, sizes) =>
      groupNormBackwardInput(dx, dy, x, mean, rstd, gamma, sizes),
  }),
});

/** The sum of the mean can cancel, and so can x − mean. */
const forwardMagnitudes: Magnitudes = ({ x, gamma, beta }, call) => {
  const sizes = { ...call.sizes, G: call.attributes.groups } as GroupNormSizes;
  const { B, C, G } = sizes;
  const [mean, rstd] = [new Float64Array(B * G), new Float64Array(B * G)];
  const y = new Float64Array(x.length);
  groupNormForward(y, mean, rstd, x, gamma, beta, sizes, call.attributes.epsilon);
  forEachGroup(sizes, (group, indices) => {
    const sum = indices.reduce((all, i) => all + Math.abs(x[i]), 0);
    mean[group] = sum / indices.length;
    for (const i of indices) {
      const distance = Math.abs(x[i]) + mean[group];
      y[i] = Math.abs(gamma[i % C]) * distance * rstd[group] + Math.abs(beta[i % C]);
    }
  });
  return { y, mean };
};

/** rstd (|dx̂| + (Σ |dx̂| + |x̂| Σ |dx̂ x̂|)/M). */
const inputMagnitudes: Magnitudes = ({ dy, x, mean, rstd, gamma }, call) => {
  const sizes = call.sizes as GroupNormSizes;
  const dx = new Float64Array(x.length);
  forEachGroup(sizes, (group, indices) => {
    const dNormalised = indices.map((i) => Math.abs(gamma[i % sizes.C] * dy[i]));
    const normalised = indices.map((i) => Math.abs((x[i] - mean[group]) * rstd[group]));
    const sum = dNormalised.reduce((all, value) => all + value, 0);
    const along = dNormalised.reduce((all, value, k) => all + value * normalised[k], 0);
    for (const [k, i] of indices.entries()) {
      const means = (sum + normalised[k] * along) / indices.length;
      dx[i] = rstd[group] * (dNormalised[k] + means);
    }
  });
  return { dx };
};

export const groupNormCases: OpCases<keyof typeof groupNormOps> = {
  name: 'group-norm',
  magnitudes: {
    groupNormForward: forwardMagnitudes,
    groupNormBackwardParameters: (operands, call) => absolute(operands, call, 'mean'),
    groupNormBackwardInput: inputMagnitudes,
  },
  draw(random) {
    const [B, H, D] = drawExtents(random, 3);
    const G = 1 + random.nextBelow(4);
    return {
      gradients: [groupNormCase(random, [2, 2, 3, G * D], G), groupNormCase(random, [B, 3 * G], G)],
      kernels: [groupNormCase(random, [B, H, 4, G * D], G)],
    };
  },
};

/**
 * @param shape of x, with more than two numbers in a group: with two, x̂ is always near ±1, dx near 0
 * @param groups G, a divisor of the channels
 */
export function groupNormCase(
  random: RandomStream,
  shape: Shape,
  groups: number,
  epsilon = 1e-5,
): GradientDeclaration<keyof typeof groupNormOps> {
  const channels = shape.slice(-1);
  return {
    title: `groupNorm ${formatShape(shape)} in ${groups}`,
    inputs: {
      x: reals(random, shape),
      gamma: reals(random, channels),
      beta: reals(random, channels),
    },
    forward: [{ op: 'groupNormForward', attributes: { epsilon, groups } }],
    backward: [{ op: 'groupNormBackwardParameters' }, { op: 'groupNormBackwardInput' }],
  };
}
