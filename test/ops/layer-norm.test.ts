import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../../src/numerics/create-backend.js';
import { drawReals } from '../../src/ops/cases.js';
import {
  layerNormBackwardInput,
  layerNormBackwardParameters,
  layerNormCase,
  layerNormForward,
} from '../../src/ops/layer-norm.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

const epsilon = 1e-5;
const attributes = { epsilon };

/** (N, C) and (B, T, C), of at least three features. */
const shapes = (features: number) =>
  fc.oneof(
    fc.tuple(extent(9), extent(features)).map(([N, C]) => [N, C + 2]),
    fc.tuple(extent(3), extent(3), extent(features)).map(([B, T, C]) => [B, T, C + 2]),
  );

/** One row's dx by the long form of the derivation, and its terms of dγ. */
function stepByStep(x: number[], dy: number[], gamma: number[]) {
  const C = x.length;
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  const mean = sum(x) / C;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / C;
  const rstd = 1 / Math.sqrt(variance + epsilon);
  const dNormalised = dy.map((d, c) => gamma[c] * d);
  const dRstd = sum(dNormalised.map((d, c) => d * (x[c] - mean)));
  const dVariance = -0.5 * (variance + epsilon) ** -1.5 * dRstd;
  const dMean =
    -rstd * sum(dNormalised) + (dVariance * -2 * sum(x.map((value) => value - mean))) / C;
  const dx = dNormalised.map((d, c) => {
    return rstd * d + (dVariance * 2 * (x[c] - mean)) / C + dMean / C;
  });
  return { dx, dGamma: dy.map((d, c) => d * (x[c] - mean) * rstd) };
}

describe('layerNorm', () => {
  it('has the gradients that central differences find', async () => {
    await forAll(shapes(5), (random, shape) => expectGradients(layerNormCase(random, shape)));
  });

  it('has a closed-form gradient equal to the step-by-step derivation', async () => {
    await forAll(extent(20), async (random, C) => {
      const [x, dy, gamma] = Array.from({ length: 3 }, () => [...drawReals(random, C + 1)]);
      const want = stepByStep(x, dy, gamma);
      const sizes = { N: 1, C: C + 1 };
      const [X, dY, G] = [x, dy, gamma].map((values) => Float64Array.from(values));
      const values = () => new Float64Array(C + 1);
      const [y, dX, dGamma, dBeta] = [values(), values(), values(), values()];
      const [mean, rstd] = [new Float64Array(1), new Float64Array(1)];
      layerNormForward(y, mean, rstd, X, G, values(), sizes, epsilon);
      layerNormBackwardParameters(dGamma, dBeta, dY, X, mean, rstd, sizes);
      layerNormBackwardInput(dX, dY, X, mean, rstd, G, sizes);
      const near = { absolute: 1e-9, relative: 1e-9 };
      expectClose('dγ', dGamma, want.dGamma, near);
      expectClose('dβ', dBeta, dy, near);
      expectClose('dx', dX, want.dx, near);
    });
  });

  it('refuses tensors that do not fit together', () => {
    const forward = (other: object) => {
      const tensors = { x: [5, 4], gamma: [4], beta: [4], ...other };
      return callWith('layerNormForward', tensors, { attributes });
    };
    expect(forward({})).not.toThrow();
    expect(forward({ x: [2, 5, 4] })).not.toThrow();
    expect(forward({ x: [5, 3] })).toThrow(
      'layerNorm: expected input of shape (…, 4), features last, got (5, 3)',
    );
    expect(forward({ x: [4] })).toThrow(/expected input of shape \(…, 4\).*, got \(4\)/);
    expect(forward({ beta: [5] })).toThrow(
      'layerNorm: expected beta of shape (4) like gamma, got (5)',
    );
    expect(forward({ gamma: [2, 2] })).toThrow(
      'layerNorm: expected gamma of shape (4), got (2, 2)',
    );
    const saved = { dy: [5, 4], x: [5, 4], mean: [5], rstd: [5] };
    const parameters = (other: object) =>
      callWith('layerNormBackwardParameters', { ...saved, ...other });
    expect(parameters({})).not.toThrow();
    expect(parameters({ dy: [4, 5] })).toThrow(
      'layerNorm: expected dy of shape (5, 4) like x, got (4, 5)',
    );
    expect(parameters({ mean: [4] })).toThrow('layerNorm: expected mean of shape (5), got (4)');
    expect(callWith('layerNormBackwardInput', { ...saved, rstd: [5, 1], gamma: [4] })).toThrow(
      'layerNorm: expected rstd of shape (5), got (5, 1)',
    );
    expect(callWith('layerNormBackwardInput', { ...saved, gamma: [3] })).toThrow(
      'layerNorm: expected input of shape (…, 3), features last, got (5, 4)',
    );
  });

  it('gives the same bits on any number of threads', async () => {
    const random = new RandomStream(1, STREAMS.data);
    const tensor = (...shape: number[]) => {
      return {
        shape,
        data: drawReals(
          random,
          shape.reduce((a, b) => a * b),
        ),
      };
    };
    const [x, dy, gamma, beta] = [tensor(37, 53), tensor(37, 53), tensor(53), tensor(53)];
    const results = [];
    for (const threads of [1, 2, 3]) {
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const forward = await backend.call('layerNormForward', { x, gamma, beta }, { attributes });
      const saved = { dy, x, mean: forward.mean, rstd: forward.rstd };
      const parameters = await backend.call('layerNormBackwardParameters', saved);
      const input = await backend.call('layerNormBackwardInput', { ...saved, gamma });
      results.push({ ...forward, ...parameters, ...input });
    }
    for (const other of results.slice(1)) {
      for (const [name, { data }] of Object.entries(results[0])) {
        expectSameBits(name, other[name as keyof typeof other].data, data);
      }
    }
  });
});

describeOnEachBackend('layerNorm', (backend) => {
  it('agrees with the reference for all numbers of rows and features', async () => {
    await forAll(shapes(40), (random, shape) =>
      expectAgreement(layerNormCase(random, shape), backend),
    );
    await forAll(
      fc.constantFrom([3, 1029], [1, 4098], [300, 5], [2051, 19]),
      (random, shape) => expectAgreement(layerNormCase(random, shape), backend),
      8,
    );
  });

  it('computes mean, rstd, y, dγ, dβ and dx', async () => {
    // The variances are 5 and 62.
    const x = matrix([1, 3, 5, 7], [10, 30, 20, 12]);
    const gamma = vector(3, 6, 1, -2);
    const operands = { x, gamma, beta: vector(1, 0, -1, 2) };
    const forward = await runOp(backend, 'layerNormForward', operands, {
      attributes: { epsilon: 4 },
    });
    expectNear(forward.mean, [4, 18]);
    expectNear(forward.rstd, [1 / 3, 1 / Math.sqrt(66)]);
    const rstd = 1 / Math.sqrt(66);
    expectNear(forward.y, [
      ...[-2, -2, 1 / 3 - 1, 0],
      ...[1 - 24 * rstd, 72 * rstd, 2 * rstd - 1, 2 + 12 * rstd],
    ]);

    const saved = { x, mean: vector(4, 18), rstd: vector(1 / 3, 1 / 8) };
    const dy = matrix([1, 0, 2, 3], [0, 2, 1, -1]);
    const back = await runOp(backend, 'layerNormBackwardParameters', { dy, ...saved });
    expectNear(back.dBeta, [1, 2, 3, 2]);
    expectNear(back.dGamma, [-1, 3, 2 / 3 + 1 / 4, 3 + 3 / 4]);

    const { dx } = await runOp(backend, 'layerNormBackwardInput', { dy, ...saved, gamma });
    // First row: dx̂ = (3, 0, 2, −6), Σ = −1, x̂ = (−1, −⅓, ⅓, 1), Σ dx̂ x̂ = −25/3.
    // Second: dx̂ = (0, 12, 1, 2), Σ = 15, x̂ = (−1, 3/2, ¼, −¾), Σ dx̂ x̂ = 67/4.
    const first = [3, 0, 2, -6].map(
      (d, c) => (d + (1 + ([-1, -1 / 3, 1 / 3, 1][c] * 25) / 3) / 4) / 3,
    );
    const second = [0, 12, 1, 2].map(
      (d, c) => (d - (15 + ([-1, 1.5, 0.25, -0.75][c] * 67) / 4) / 4) / 8,
    );
    expectNear(dx, [...first, ...second], 2e-6);
  });

  it('computes a small variance around a large mean', async () => {
    const deviations = [-3, -1, 0, 1, 3, 2, -2, 0];
    const x = matrix(
      deviations.map((d) => 1e4 + d / 8),
      deviations.map((d) => -1e6 + d),
      deviations.map(() => 3e7),
    );
    const gamma = vector(...deviations.map(() => 1));
    const beta = vector(...deviations.map(() => 0));
    const operands = { x, gamma, beta };
    const forward = await runOp(backend, 'layerNormForward', operands, { attributes });
    expectNear(forward.mean, [1e4, -1e6, 3e7]);
    const s = [3.5 / 64, 3.5, 0].map((v) => 1 / Math.sqrt(v + epsilon));
    expectNear(forward.rstd, s);
    expectNear(forward.y, [
      ...deviations.map((d) => (d / 8) * s[0]),
      ...deviations.map((d) => d * s[1]),
      ...deviations.map(() => 0),
    ]);
  });

  it('computes a small variance around a large mean of many features', async () => {
    const C = 4099;
    const deviations = Array.from({ length: C }, (_, c) => ((c * c) % 31) / 8 + (c > 3000 ? 2 : 0));
    const average = deviations.reduce((sum, d) => sum + d, 0) / C;
    const variance = deviations.reduce((sum, d) => sum + (d - average) ** 2, 0) / C;
    const x = matrix(deviations.map((d) => -1e6 + d));
    const gamma = vector(...deviations.map(() => 1));
    const beta = vector(...deviations.map(() => 0));
    const { mean, rstd } = await runOp(
      backend,
      'layerNormForward',
      { x, gamma, beta },
      { attributes },
    );
    expectNear(mean, [-1e6 + average], 1e-7);
    expectNear(rstd, [1 / Math.sqrt(variance + epsilon)], 1e-5);
  });

  it('propagates NaN to its row only', async () => {
    const x = matrix([1, 2, 3], [1, NaN, 3], [NaN, 2, 3], [4, 6, 5]);
    const gamma = vector(1, 1, 1);
    const operands = { x, gamma, beta: vector(0, 0, 0) };
    const { y, mean, rstd } = await runOp(backend, 'layerNormForward', operands, { attributes });
    const isNumber = (values: ArrayLike<number>) => Array.from(values, (v) => !Number.isNaN(v));
    expect(isNumber(rstd)).toEqual([true, false, false, true]);
    expect(isNumber(mean)).toEqual([true, false, false, true]);
    expect(isNumber(y)).toEqual([true, false, false, true].flatMap((is) => [is, is, is]));
    const ones = matrix([1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]);
    const saved = { x: ones, mean: vector(0, 0, 0, 0), rstd: vector(1, 1, 1, 1) };
    const { dx } = await runOp(backend, 'layerNormBackwardInput', { dy: x, ...saved, gamma });
    expect(isNumber(dx)).toEqual([true, false, false, true].flatMap((is) => [is, is, is]));
  });
});
