import { describe, expect, it } from 'vitest';
import { runningStatisticsCase } from '../../src/ops/running-statistics.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectNear, extent, forAll, runOp, vector } from './checks.js';

describe('running statistics', () => {
  it('refuse tensors of different shapes', () => {
    const running = { runningMean: [4], runningVariance: [3] };
    const tensors = { ...running, mean: [4], variance: [4] };
    expect(
      callWith('updateRunningStatistics', tensors, { attributes: { momentum: 0.1, N: 5 } }),
    ).toThrow('runningStatistics: expected runningVariance of shape (4) like mean, got (3)');
  });
});

describeOnEachBackend('running statistics', (backend) => {
  it('agree with the reference for all numbers of channels', async () => {
    await forAll(extent(40), (random, C) =>
      expectAgreement(runningStatisticsCase(random, C), backend),
    );
  });

  it('moves the running statistics towards the mean and the unbiased variance of the batch', async () => {
    const operands = {
      runningMean: vector(1, 2, 3, 4, 5),
      runningVariance: vector(1, 2, 3, 4, 5),
      mean: vector(9, 2, -5, 0, 1),
      variance: vector(4, 0, 1, 8, 12),
    };
    const attributes = { momentum: 0.25, N: 5 };
    const got = await runOp(backend, 'updateRunningStatistics', operands, { attributes });
    expectNear(got.runningMean, [3, 2, 1, 3, 4]);
    expectNear(got.runningVariance, [2, 1.5, 2.5625, 5.5, 7.5]);
  });
});
