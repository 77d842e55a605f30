/**
 * Running statistics of batch normalisation, which evaluation uses in place of those of the batch.
 *
 *   mean, variance (C)                  statistics of a batch: src/ops/batch-norm.ts
 *   runningMean, runningVariance (C)    updated in place
 *   N                                   number of values per channel in the batch
 *   momentum                            weight of the batch in the update, 0 to 1
 *
 * Each training step moves the running statistics towards those of its batch, an exponential moving
 * average:
 *
 *   runningMean     ← (1 − momentum) runningMean + momentum mean
 *   runningVariance ← (1 − momentum) runningVariance + momentum variance N / (N − 1)
 *
 * Batch normalisation divides by N: its variance is the biased estimate. The factor N / (N − 1) makes
 * it the unbiased one. There is no backward pass, since training does not use the running statistics.
 *
 * Source: Ioffe, Szegedy, "Batch normalization", ICML 2015; momentum as in PyTorch.
 *
 * Kernels: assembly/running-statistics.ts, shaders/running-statistics.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { sizeOf, type Values } from '../tensor.js';
import {
  absolute,
  drawExtents,
  type KernelDeclaration,
  type OpCases,
  positiveReals,
  reals,
} from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

/**
 * @param mean of the batch, (C) like the others
 * @param N number of values per channel in the batch
 */
export function updateRunningStatistics(
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

export const runningStatisticsOps = defineOps({
  updateRunningStatistics: defineOp({
    updates: ['runningMean', 'runningVariance'],
    inputs: ['mean', 'variance'],
    attributes: ['momentum', 'N'],
    sizes: ['C'],
    formula: 'running ← (1 − momentum) running + momentum (mean, variance N/(N − 1))',
    shapes({ mean, variance, runningMean, runningVariance }) {
      expectSameShapes('runningStatistics', { mean, variance, runningMean, runningVariance });
      return { outputs: {}, sizes: { C: sizeOf(mean) } };
    },
    terms: () => 2,
    reference: ({ runningMean, runningVariance, mean, variance }, _, { momentum, N }) =>
      updateRunningStatistics(runningMean, runningVariance, mean, variance, momentum, N),
  }),
});

export const runningStatisticsCases: OpCases<keyof typeof runningStatisticsOps> = {
  name: 'running-statistics',
  magnitudes: { updateRunningStatistics: absolute },
  draw: (random) => ({ kernels: [runningStatisticsCase(random, drawExtents(random, 1)[0])] }),
};

/** @param C channels */
export function runningStatisticsCase(
  random: RandomStream,
  C: number,
): KernelDeclaration<keyof typeof runningStatisticsOps> {
  const attributes = { momentum: random.nextFloat(), N: 2 + random.nextBelow(100) };
  return {
    title: `running statistics (${C})`,
    values: {
      mean: reals(random, [C]),
      runningMean: reals(random, [C]),
      variance: positiveReals(random, [C]),
      runningVariance: positiveReals(random, [C]),
    },
    calls: [{ op: 'updateRunningStatistics', attributes }],
  };
}
