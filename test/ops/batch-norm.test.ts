import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Runtime } from '../../src/backends/runtime.js';
import { gradientCaseOf } from '../../src/gradcheck/case.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import {
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormCase,
} from '../../src/ops/batch-norm.js';
import { drawReals } from '../../src/ops/cases.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
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

/** (N, C) and (B, H, W, C), of at least four values per channel. */
const shapes = (channels: number) =>
  fc.oneof(
    fc.tuple(extent(9), extent(channels)).map(([N, C]) => [N + 3, C]),
    fc.tuple(extent(3), extent(3), extent(channels)).map(([B, H, C]) => [B, H, 4, C]),
  );

/** dx, dγ and dβ of one channel, by the steps of the derivation. */
function stepByStep(x: number[], dy: number[], gamma: number) {
  const N = x.length;
  const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
  const mean = sum(x) / N;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / N;
  const rstd = 1 / Math.sqrt(variance + epsilon);
  const dNormalised = dy.map((d) => gamma * d);
  const dRstd = sum(dNormalised.map((d, n) => d * (x[n] - mean)));
  const dVariance = -0.5 * (variance + epsilon) ** -1.5 * dRstd;
  const dMean =
    -rstd * sum(dNormalised) + (dVariance * -2 * sum(x.map((value) => value - mean))) / N;
  const dx = dNormalised.map((d, n) => {
    return rstd * d + (dVariance * 2 * (x[n] - mean)) / N + dMean / N;
  });
  const dGamma = sum(dy.map((d, n) => d * (x[n] - mean) * rstd));
  return { mean, variance, dx, dGamma, dBeta: sum(dy) };
}

describe('batchNorm', () => {
  it('has the gradients that central differences find', async () => {
    await forAll(shapes(5), (random, shape) => expectGradients(batchNormCase(random, shape)));
  });

  it('has a closed-form gradient equal to the step-by-step derivation', async () => {
    await forAll(extent(20), async (random, N) => {
      const [x, dy] = [drawReals(random, N + 1), drawReals(random, N + 1)].map((a) => [...a]);
      const gamma = drawReals(random, 1);
      const want = stepByStep(x, dy, gamma[0]);
      const values = () => new Float64Array(1);
      const [mean, variance, dGamma, dBeta] = [values(), values(), values(), values()];
      mean[0] = want.mean;
      variance[0] = want.variance;
      const [X, dY, dX] = [x, dy, x].map((array) => Float64Array.from(array));
      const sizes = { N: N + 1, C: 1 };
      batchNormBackwardParameters(dGamma, dBeta, dY, X, mean, variance, sizes, epsilon);
      batchNormBackwardInput(dX, dY, X, mean, variance, gamma, dGamma, dBeta, sizes, epsilon);
      const near = { absolute: 1e-9, relative: 1e-9 };
      expectClose('dγ', dGamma, [want.dGamma], near);
      expectClose('dβ', dBeta, [want.dBeta], near);
      expectClose('dx', dX, want.dx, near);
    });
  });

  it('refuses tensors that do not fit together', () => {
    const channels = { mean: [4], variance: [4], gamma: [4], beta: [4] };
    const forward = (shapes: object, into = {}) =>
      callWith(
        'batchNormForward',
        { x: [5, 4], ...channels, ...shapes },
        { attributes: { epsilon }, into },
      );
    expect(forward({})).not.toThrow();
    expect(forward({ x: [5, 3] })).toThrow(
      'batchNorm: expected input of shape (…, 4), channels last, got (5, 3)',
    );
    expect(forward({ x: [4] })).toThrow(/expected input of shape \(…, 4\).*, got \(4\)/);
    expect(forward({}, { y: [4, 5] })).toThrow(
      'batchNormForward: expected y of shape (5, 4), got (4, 5)',
    );
    expect(forward({ beta: [5] })).toThrow(
      'batchNorm: expected beta of shape (4) like mean, got (5)',
    );
    expect(forward({ mean: [2, 2] })).toThrow('batchNorm: expected mean of shape (4), got (2, 2)');
  });

  it('refuses to take statistics of one value per channel', () => {
    const statistics = (x: number[]) => callWith('batchNormStatistics', { x });
    expect(statistics([1, 4])).toThrow(
      'batchNorm: expected more than one value per channel to train on, got (1, 4); choose a batch size that leaves no batch of one',
    );
    expect(statistics([1, 1, 1, 4])).toThrow(/more than one value per channel/);
    expect(statistics([1, 2, 1, 4])).not.toThrow();
  });

  it('gives the same bits on any number of threads', async () => {
    const results = [];
    for (const threads of [1, 2, 3]) {
      const backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      results.push(await run(backend.runtime));
      await backend.close();
    }
    for (const other of results.slice(1)) {
      for (const [name, values] of results[0]) {
        expectSameBits(name, other.get(name) as Float32Array, values);
      }
    }

    async function run(runtime: Runtime) {
      const random = new RandomStream(1, STREAMS.data);
      const { inputs, constants, forward, backward } = gradientCaseOf(
        batchNormCase(random, [37, 53]),
        random,
      );
      const step = new Step();
      const y = forward(step);
      const gradients = [...backward(step).values()];
      const executable = await runtime.compile(step);
      for (const [tensor, values] of [...inputs, ...constants]) runtime.write(tensor, values);
      await executable.run(1);
      const named = await Promise.all(
        [y, ...gradients].map(async (t) => [t.name, await runtime.read(t)] as const),
      );
      return new Map(named);
    }
  });
});

describeOnEachBackend('batchNorm', (backend) => {
  it('agrees with the reference for all numbers of rows and channels', async () => {
    await forAll(
      shapes(40),
      (random, shape) => expectAgreement(batchNormCase(random, shape), backend),
      60,
    );
  });

  it('agrees with the reference for more channels than fit into scratch memory', async () => {
    await forAll(
      fc.constantFrom(511, 512, 513, 1030),
      (random, C) => expectAgreement(batchNormCase(random, [5, C]), backend),
      8,
    );
  });

  it('computes mean and biased variance, y, dγ, dβ and dx', async () => {
    const x = matrix([1, 10], [3, 10], [5, 40], [7, 20]);
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expectNear(mean, [4, 20]);
    expectNear(variance, [5, 150]);

    // With this variance and epsilon, rstd is 1/3 and 1/13.
    const saved = { x, mean: vector(4, 20), variance: vector(5, 165) };
    const attributes = { epsilon: 4 };
    const gamma = vector(3, 13);
    const operands = { ...saved, gamma, beta: vector(1, -1) };
    const { y } = await runOp(backend, 'batchNormForward', operands, { attributes });
    expectNear(y, [-2, -11, 0, -11, 2, 19, 4, -1]);

    const dy = matrix([1, 0], [0, 2], [-2, 0], [3, 1]);
    const back = await runOp(
      backend,
      'batchNormBackwardParameters',
      { dy, ...saved },
      { attributes },
    );
    expectNear(back.dBeta, [2, 3]);
    expectNear(back.dGamma, [(-3 - 2 + 9) / 3, -20 / 13]);

    const given = { dGamma: vector(6, 13), dBeta: vector(2, 4) };
    const { dx } = await runOp(
      backend,
      'batchNormBackwardInput',
      { dy, ...saved, gamma, ...given },
      { attributes },
    );
    // dy − dβ/4 − (x − mean) rstd dγ/4, by channel
    expectNear(dx, [
      ...[1 - 0.5 + 1.5, 0 - 1 + 2.5],
      ...[0 - 0.5 + 0.5, 2 - 1 + 2.5],
      ...[-2 - 0.5 - 0.5, 0 - 1 - 5],
      ...[3 - 0.5 - 1.5, 1 - 1 - 0],
    ]);
  });

  it('computes a small variance around a large mean', async () => {
    const deviations = [-3, -1, 0, 1, 3, 2, -2, 0];
    const x = matrix(...deviations.map((d) => [1e4 + d / 8, -1e6 + d, 3]));
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expectNear(mean, [1e4, -1e6, 3]);
    expectNear(variance, [3.5 / 64, 3.5, 0]);
  });

  it('computes a small variance around a large mean over many rows', async () => {
    const N = 4099;
    const deviations = Array.from({ length: N }, (_, n) => ((n * n) % 31) / 8 + (n > 3000 ? 2 : 0));
    const average = deviations.reduce((sum, d) => sum + d, 0) / N;
    const wanted = deviations.reduce((sum, d) => sum + (d - average) ** 2, 0) / N;
    const x = matrix(...deviations.map((d) => [-1e6 + d, 1e5 - d]));
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expectNear(mean, [-1e6 + average, 1e5 - average], 1e-7);
    expectNear(variance, [wanted, wanted], 1e-5);
  });

  it('computes the variance of many rows', async () => {
    const N = 20_000;
    const rows = Array.from({ length: N }, (_, n) => [100 + (n % 5), n % 2]);
    const x = matrix(...rows);
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expectNear(mean, [102, 0.5], 1e-6);
    expectNear(variance, [2, 0.25], 1e-5);
  });

  it('propagates NaN and infinities to their own channel only', async () => {
    const x = matrix([1, 2, NaN, 4, 5], [1, 2, 3, 4, Infinity]);
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expect([...mean].slice(0, 4)).toEqual([1, 2, NaN, 4]);
    expect([...variance]).toEqual([0, 0, NaN, 0, NaN]);
  });
});
