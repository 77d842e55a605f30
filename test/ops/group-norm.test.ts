import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../../src/numerics/create-backend.js';
import type { Operand } from '../../src/numerics/operands.js';
import { drawReals } from '../../src/ops/cases.js';
import {
  groupNormBackwardInput,
  groupNormBackwardParameters,
  groupNormCase,
  groupNormForward,
} from '../../src/ops/group-norm.js';
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
  runOp,
  vector,
} from './checks.js';

const epsilon = 1e-5;

/** The shape of x, (B, C) or (B, H, W, C), and the number of groups; at least three numbers in each. */
const sizes = (channels: number) =>
  fc.oneof(
    fc
      .tuple(extent(5), extent(channels), extent(4))
      .map(([B, D, G]) => [[B, (D + 2) * G], G] as const),
    fc
      .tuple(extent(3), extent(3), extent(channels), extent(4))
      .map(([B, H, D, G]) => [[B, H, 3, D * G], G] as const),
  );

/** dx of one group by the long form of the derivation. */
function stepByStep(x: number[], dNormalised: number[]) {
  const M = x.length;
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  const mean = sum(x) / M;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / M;
  const rstd = 1 / Math.sqrt(variance + epsilon);
  const dRstd = sum(dNormalised.map((d, i) => d * (x[i] - mean)));
  const dVariance = -0.5 * (variance + epsilon) ** -1.5 * dRstd;
  const dMean =
    -rstd * sum(dNormalised) + (dVariance * -2 * sum(x.map((value) => value - mean))) / M;
  return dNormalised.map((d, i) => rstd * d + (dVariance * 2 * (x[i] - mean)) / M + dMean / M);
}

/** Two images of two pixels, in two groups of two channels. */
const IMAGES: Operand = {
  shape: [2, 1, 2, 4],
  data: [...[1, 3, 10, 30], ...[5, 7, 20, 12], ...[0, 0, 2, 2], ...[0, 0, 2, 6]],
};

describe('groupNorm', () => {
  it('has the gradients that central differences find', async () => {
    await forAll(sizes(3), (random, [shape, G]) =>
      expectGradients(groupNormCase(random, shape, G)),
    );
  });

  it('has a closed-form gradient equal to the step-by-step derivation', async () => {
    await forAll(fc.tuple(extent(4), extent(4)), async (random, [P, D]) => {
      // One image of two groups. The first group is compared.
      const all = { B: 1, P: P + 2, C: 2 * D, G: 2 };
      const length = all.P * all.C;
      const [x, dy] = [0, 1].map(() => Float64Array.from(drawReals(random, length)));
      const gamma = Float64Array.from(drawReals(random, all.C));
      const beta = new Float64Array(all.C);
      const [y, dx] = [new Float64Array(length), new Float64Array(length)];
      const [mean, rstd] = [new Float64Array(2), new Float64Array(2)];
      const [dGamma, dBeta] = [new Float64Array(all.C), new Float64Array(all.C)];
      groupNormForward(y, mean, rstd, x, gamma, beta, all, epsilon);
      groupNormBackwardParameters(dGamma, dBeta, dy, x, mean, rstd, all);
      groupNormBackwardInput(dx, dy, x, mean, rstd, gamma, all);
      const indices = [...x.keys()].filter((i) => i % all.C < D);
      const want = stepByStep(
        indices.map((i) => x[i]),
        indices.map((i) => gamma[i % all.C] * dy[i]),
      );
      const near = { absolute: 1e-9, relative: 1e-9 };
      expectClose(
        'dx',
        indices.map((i) => dx[i]),
        want,
        near,
      );
      const ofFirst = indices.filter((i) => i % all.C === 0);
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      expectClose('dβ', [dBeta[0]], [sum(ofFirst.map((i) => dy[i]))], near);
      const wanted = sum(ofFirst.map((i) => (dy[i] * y[i]) / gamma[0]));
      expectClose('dγ', [dGamma[0]], [wanted], near);
    });
  });

  it('refuses tensors that do not fit together', () => {
    const forward = (other: object, groups = 2) => {
      const tensors = { x: [5, 3, 3, 4], gamma: [4], beta: [4], ...other };
      return callWith('groupNormForward', tensors, { attributes: { epsilon, groups } });
    };
    expect(forward({})).not.toThrow();
    expect(forward({ x: [5, 4] })).not.toThrow();
    expect(forward({}, 3)).toThrow(
      'groupNorm: expected input of shape (B, …, C), channels last, with C a multiple of 3 groups, got (5, 3, 3, 4)',
    );
    expect(forward({ x: [4] })).toThrow(/expected input of shape \(B, …, C\).*, got \(4\)/);
    expect(forward({ gamma: [2] })).toThrow('groupNorm: expected gamma of shape (4), got (2)');
    expect(forward({ beta: [4, 1] })).toThrow('groupNorm: expected beta of shape (4), got (4, 1)');
    const saved = { dy: [5, 3, 3, 4], x: [5, 3, 3, 4], mean: [5, 2], rstd: [5, 2] };
    const parameters = (other: object) =>
      callWith('groupNormBackwardParameters', { ...saved, ...other });
    expect(parameters({})).not.toThrow();
    expect(parameters({ dy: [5, 9, 4] })).toThrow(
      'groupNorm: expected dy of shape (5, 3, 3, 4) like x, got (5, 9, 4)',
    );
    expect(parameters({ mean: [4, 2], rstd: [4, 2] })).toThrow(
      'groupNorm: expected mean of shape (5, 2), got (4, 2)',
    );
    expect(parameters({ mean: [5], rstd: [5] })).toThrow(
      'groupNorm: expected mean of shape (B, G), got (5)',
    );
    expect(parameters({ rstd: [5, 4] })).toThrow(
      'groupNorm: expected rstd of shape (5, 2) like mean, got (5, 4)',
    );
    expect(parameters({ mean: [5, 3], rstd: [5, 3] })).toThrow(/a multiple of 3 groups/);
    expect(callWith('groupNormBackwardInput', { ...saved, gamma: [3] })).toThrow(
      'groupNorm: expected gamma of shape (4), got (3)',
    );
  });

  it('gives the same bits on any number of threads', async () => {
    const random = new RandomStream(1, STREAMS.data);
    const [shape, C, groups] = [[5, 7, 3, 57], 57, 19];
    const images = () => ({ shape, data: drawReals(random, 5 * 7 * 3 * C) });
    const channels = () => ({ shape: [C], data: drawReals(random, C) });
    const [x, dy, gamma, beta] = [images(), images(), channels(), channels()];
    const attributes = { epsilon, groups };
    const results = [];
    for (const threads of [1, 2, 3]) {
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const forward = await backend.call('groupNormForward', { x, gamma, beta }, { attributes });
      const saved = { dy, x, mean: forward.mean, rstd: forward.rstd };
      const parameters = await backend.call('groupNormBackwardParameters', saved);
      const input = await backend.call('groupNormBackwardInput', { ...saved, gamma });
      results.push({ ...forward, ...parameters, ...input });
    }
    for (const other of results.slice(1)) {
      for (const [name, { data }] of Object.entries(results[0])) {
        expectSameBits(name, other[name as keyof typeof other].data, data);
      }
    }
  });
});

describeOnEachBackend('groupNorm', (backend) => {
  it('agrees with the reference for all numbers of images, pixels, channels and groups', async () => {
    await forAll(sizes(20), (random, [shape, G]) =>
      expectAgreement(groupNormCase(random, shape, G), backend),
    );
  });

  it('agrees with the reference for large groups, and for as many groups as channels', async () => {
    for (const [shape, G] of [
      [[2, 17, 19, 36], 1],
      [[3, 31, 37, 6], 6],
      [[2, 5, 13, 64], 32],
      [[1, 1, 3, 515], 515],
    ] as const) {
      const random = new RandomStream(1, STREAMS.data);
      await expectAgreement(groupNormCase(random, shape, G), backend);
    }
  });

  it('computes mean, rstd, y, dγ, dβ and dx', async () => {
    // By image and group, the means are 4, 18, 0 and 3, and the variances 5, 62, 0 and 3.
    const gamma = vector(3, 6, 1, -2);
    const operands = { x: IMAGES, gamma, beta: vector(1, 0, -1, 2) };
    const attributes = { epsilon: 4, groups: 2 };
    const forward = await runOp(backend, 'groupNormForward', operands, { attributes });
    const [r, q] = [1 / Math.sqrt(66), 1 / Math.sqrt(7)];
    expectNear(forward.mean, [4, 18, 0, 3]);
    expectNear(forward.rstd, [1 / 3, r, 1 / 2, q]);
    expectNear(
      forward.y,
      [
        ...[-2, -2, -8 * r - 1, 2 - 24 * r],
        ...[2, 6, 2 * r - 1, 2 + 12 * r],
        ...[1, 0, -1 - q, 2 + 2 * q],
        ...[1, 0, -1 - q, 2 - 6 * q],
      ],
      1e-6,
    );

    const dy: Operand = {
      shape: IMAGES.shape,
      data: [...[1, 0, 0, 2], ...[2, 3, 1, -1], ...[4, 5, 1, 1], ...[0, -5, 2, 0]],
    };
    // These values of rstd are simpler than those of forward.
    const saved = {
      x: IMAGES,
      mean: { shape: [2, 2], data: [4, 18, 0, 3] },
      rstd: { shape: [2, 2], data: [1 / 3, 1 / 8, 1 / 2, 1 / 2] },
    };
    const back = await runOp(backend, 'groupNormBackwardParameters', { dy, ...saved });
    expectNear(back.dBeta, [7, 3, 4, 2]);
    expectNear(back.dGamma, [-1 + 2 / 3, 3, 1 / 4 - 1 / 2 - 1, 3 + 3 / 4 - 1 / 2]);

    const { dx } = await runOp(backend, 'groupNormBackwardInput', { dy, ...saved, gamma });
    const gradient = (d: number[], normalised: number[], rstd: number) => {
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / 4;
      const along = mean(d.map((value, i) => value * normalised[i]));
      return d.map((value, i) => rstd * (value - mean(d) - normalised[i] * along));
    };
    // dx̂ = γ dy, and x̂, of each group: its channels of one pixel, then of the other
    const a = gradient([3, 0, 6, 18], [-1, -1 / 3, 1 / 3, 1], 1 / 3);
    const b = gradient([0, -4, 1, 2], [-1, 3 / 2, 1 / 4, -3 / 4], 1 / 8);
    const c = gradient([12, 30, 0, -30], [0, 0, 0, 0], 1 / 2);
    const d = gradient([1, -2, 2, 0], [-1 / 2, -1 / 2, -1 / 2, 3 / 2], 1 / 2);
    expectNear(
      dx,
      [
        ...[a[0], a[1], b[0], b[1], a[2], a[3], b[2], b[3]],
        ...[c[0], c[1], d[0], d[1], c[2], c[3], d[2], d[3]],
      ],
      2e-6,
    );
  });

  it('computes a small variance around a large mean', async () => {
    const deviations = [-3, -1, 0, 1, 3, 2, -2, 0];
    const [C, P] = [6, 4];
    // Groups of two channels: channel c of pixel p has deviation 2p + c mod 2.
    const of = [(d: number) => 1e4 + d / 8, (d: number) => -1e6 + d, () => 3e7];
    const deviation = (i: number) => deviations[2 * Math.floor(i / C) + (i % 2)];
    const data = Array.from({ length: P * C }, (_, i) => of[Math.floor((i % C) / 2)](deviation(i)));
    const x = { shape: [1, 2, 2, C], data };
    const operands = { x, gamma: vector(1, 1, 1, 1, 1, 1), beta: vector(0, 0, 0, 0, 0, 0) };
    const attributes = { epsilon, groups: 3 };
    const forward = await runOp(backend, 'groupNormForward', operands, { attributes });
    expectNear(forward.mean, [1e4, -1e6, 3e7]);
    const rstd = [3.5 / 64, 3.5, 0].map((variance) => 1 / Math.sqrt(variance + epsilon));
    expectNear(forward.rstd, rstd);
    const scaled = [rstd[0] / 8, rstd[1], 0];
    expectNear(
      forward.y,
      data.map((_, i) => deviation(i) * scaled[Math.floor((i % C) / 2)] + 0),
    );
  });

  it('computes a small variance around a large mean of many pixels', async () => {
    const [P, C] = [1025, 4];
    const deviations = Array.from(
      { length: P * C },
      (_, i) => ((i * i) % 31) / 8 + (i > 3000 ? 2 : 0),
    );
    const average = deviations.reduce((sum, d) => sum + d, 0) / (P * C);
    const variance = deviations.reduce((sum, d) => sum + (d - average) ** 2, 0) / (P * C);
    const x = { shape: [1, P, C], data: deviations.map((d) => -1e6 + d) };
    const operands = { x, gamma: vector(1, 1, 1, 1), beta: vector(0, 0, 0, 0) };
    const attributes = { epsilon, groups: 1 };
    const { mean, rstd } = await runOp(backend, 'groupNormForward', operands, { attributes });
    expectNear(mean, [-1e6 + average], 1e-7);
    expectNear(rstd, [1 / Math.sqrt(variance + epsilon)], 1e-5);
  });

  it('propagates NaN to its group only', async () => {
    const data = [...(IMAGES.data as number[])].with(6, NaN);
    const gamma = vector(1, 1, 1, 1);
    const operands = { x: { ...IMAGES, data }, gamma, beta: vector(0, 0, 0, 0) };
    const attributes = { epsilon, groups: 2 };
    const { y, mean, rstd } = await runOp(backend, 'groupNormForward', operands, { attributes });
    const isNumber = (values: ArrayLike<number>) => Array.from(values, (v) => !Number.isNaN(v));
    expect(isNumber(rstd)).toEqual([true, false, true, true]);
    expect(isNumber(mean)).toEqual([true, false, true, true]);
    const wanted = [...[2, 3].flatMap(() => [true, true, false, false]), ...Array(8).fill(true)];
    expect(isNumber(y)).toEqual(wanted);
    const saved = {
      x: IMAGES,
      mean: { shape: [2, 2], data: [4, 18, 0, 3] },
      rstd: { shape: [2, 2], data: [1, 1, 1, 1] },
    };
    const dy = { ...IMAGES, data };
    const { dx } = await runOp(backend, 'groupNormBackwardInput', { dy, ...saved, gamma });
    expect(isNumber(dx)).toEqual(wanted);
    const back = await runOp(backend, 'groupNormBackwardParameters', { dy, ...saved });
    expect(isNumber(back.dGamma)).toEqual([true, true, false, true]);
    expect(isNumber(back.dBeta)).toEqual([true, true, false, true]);
  });
});
